// What an entry point of the package lets its users name, found through re-exports and through the classes below
// those that it exports. Rule: a name that leads nowhere is an error, so that nothing can be overlooked. It is
// given its files and reads no disk.

import { resolveImport } from '../tidy/source.ts'
import {
  type Declaration,
  type DeclarationFile,
  type Member,
  readDeclarations,
} from './declarations.ts'

/** Where a declaration stands. */
export interface Place {
  readonly path: string
  readonly declaration: Declaration
}

/** A member, where it stands, and a docstring that it has from what its class implements. */
export interface PublicMember {
  readonly member: Member
  readonly path: string
  readonly inherited: string | undefined
}

/** A name of an entry point. */
export interface PublicName extends Place {
  readonly name: string
  /** A class of which only the type is exported cannot be made. */
  readonly typeOnly: boolean
  /** Its own, and those of classes below it that the entry does not export. */
  readonly members: readonly PublicMember[]
  /** What it extends and implements, without the classes whose members are told here. */
  readonly bases: readonly string[]
}

/** One set of types of package.json, such as that of `umqtt/robust` in a browser. */
export interface Entry {
  /** Such as `umqtt/robust`. */
  readonly name: string
  readonly condition: 'default' | 'browser'
  /** Such as `dist/robust.node.d.ts`. */
  readonly path: string
}

/** The types that package.json exports. */
export function entriesOf(manifest: { readonly name: string; readonly exports: object }): Entry[] {
  return Object.entries(manifest.exports).flatMap(([subpath, target]): Entry[] => {
    const name = `${manifest.name}${subpath.slice(1)}`
    const { types, browser } = target as { types?: string; browser?: { types?: string } }
    const found: Entry[] = []
    if (types !== undefined) found.push({ name, condition: 'default', path: types.slice(2) })
    if (browser?.types !== undefined) {
      found.push({ name, condition: 'browser', path: browser.types.slice(2) })
    }
    return found
  })
}

/** The declarations of a package, each file read once. */
export class Declarations {
  readonly #read: (path: string) => string
  readonly #files = new Map<string, DeclarationFile>()

  /** @param read gives the text of a `.d.ts` */
  constructor(read: (path: string) => string) {
    this.#read = read
  }

  /** Everything that an entry exports, by name. */
  namesOf(path: string): PublicName[] {
    const exported = this.#exportsOf(path)
    const places = new Set([...exported.values()].map(({ declaration }) => declaration))
    return [...exported]
      .map(([name, { typeOnly, ...place }]) => {
        const { members, bases } = this.#membersOf(place, places)
        const isMade = !typeOnly || place.declaration.kind !== 'class'
        const seen = members.filter(
          ({ member }) => isMade || (member.kind !== 'constructor' && !member.isStatic),
        )
        return { name, typeOnly, ...place, members: seen, bases }
      })
      .sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /**
   * What exported names name and is not exported, and what that names: without it a signature says nothing.
   * A class among it is a type alone: nobody can make one.
   */
  besides(names: readonly PublicName[]): PublicName[] {
    const exported = new Set(names.map(({ declaration }) => declaration))
    const found = new Map<Declaration, PublicName>()
    const look = ({ path, declaration, members }: PublicName): void => {
      const texts: [path: string, text: string][] = members.map((one) => [
        one.path,
        one.member.text,
      ])
      for (const [at, text] of [[path, declaration.text] as const, ...texts]) {
        // Names of classes below are in the text of a class, and their members are told already.
        const isHead = text === declaration.text && declaration.kind === 'class'
        const words = text.replaceAll(/\/\*[^]*?\*\/|'[^'\n]*'/g, '').match(/[A-Za-z_$][\w$]*/g)
        const named = isHead ? [] : [...new Set(words)]
        for (const [name, place] of named.flatMap((word) => this.#meant(at, word))) {
          if (place === undefined || exported.has(place.declaration)) continue
          if (found.has(place.declaration) || place.declaration === declaration) continue
          const { members: below, bases } = this.#membersOf(place, exported)
          const seen = below.filter(
            ({ member }) => member.kind !== 'constructor' && !member.isStatic,
          )
          const one = {
            name,
            typeOnly: true,
            ...place,
            members: seen,
            bases,
          }
          found.set(place.declaration, one)
          look(one)
        }
      }
    }
    names.forEach(look)
    return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  }

  /** What a name means in a file; undefined for one of the platform or of another package. */
  find(path: string, name: string): Place | undefined {
    const { declarations, links } = this.#file(path)
    const declaration = declarations.find((one) => one.name === name)
    if (declaration !== undefined) return { path, declaration }
    const link = links.find((one) => !one.isExport && one.as === name)
    if (link?.from === undefined || link.name === '*') return undefined
    const target = targetOf(path, link.from)
    return target === undefined ? undefined : this.#exported(target, link.name)
  }

  /** What a word stands for, by the name to tell it by; of a namespace everything that is in it. */
  #meant(path: string, word: string): readonly (readonly [name: string, place: Place])[] {
    const place = this.find(path, word)
    if (place !== undefined) return [[place.declaration.name, place]]
    const link = this.#file(path).links.find((one) => one.as === word && one.name === '*')
    const target = link?.from === undefined ? undefined : targetOf(path, link.from)
    if (target === undefined) return []
    return [...this.#exportsOf(target)].map(([name, found]) => [`${word}.${name}`, found])
  }

  #file(path: string): DeclarationFile {
    const known = this.#files.get(path)
    if (known !== undefined) return known
    const file = readDeclarations(this.#read(path))
    this.#files.set(path, file)
    return file
  }

  #exported(path: string, name: string): Place {
    const found = this.#exportsOf(path).get(name)
    if (found === undefined) throw new Error(`${path} exports no "${name}"`)
    return found
  }

  #exportsOf(path: string): Map<string, Place & { readonly typeOnly: boolean }> {
    const { declarations, links } = this.#file(path)
    const found = new Map<string, Place & { readonly typeOnly: boolean }>()
    for (const { name, as, from, isExport, typeOnly } of links) {
      if (!isExport) continue
      const target = from === undefined ? undefined : targetOf(path, from)
      if (name === '*') {
        for (const [one, place] of this.#exportsOf(target ?? '')) {
          if (!found.has(one)) found.set(one, place)
        }
        continue
      }
      const place = target === undefined ? this.find(path, name) : this.#exported(target, name)
      if (place === undefined) throw new Error(`${path} exports "${name}", which it does not have`)
      const below = target === undefined ? undefined : this.#exportsOf(target).get(name)
      found.set(as, { ...place, typeOnly: typeOnly || below?.typeOnly === true })
    }
    for (const declaration of declarations) {
      if (declaration.isExported)
        found.set(declaration.name, { path, declaration, typeOnly: false })
    }
    return found
  }

  /** Members with those of classes below that are not exported themselves; the nearest of a name counts. */
  #membersOf(
    { path, declaration }: Place,
    exported: ReadonlySet<Declaration>,
  ): { members: PublicMember[]; bases: string[] } {
    const { members: own, kind } = declaration
    const members = own.map((member) => ({
      member,
      path,
      inherited: this.#inherited(path, declaration, member),
    }))
    const bases: string[] = []
    for (const base of declaration.bases) {
      const place = this.find(path, base)
      const isBelow = kind === 'class' && place?.declaration.kind === 'class'
      if (place === undefined || !isBelow || exported.has(place.declaration)) {
        bases.push(base)
        continue
      }
      const below = this.#membersOf(place, exported)
      const names = new Set(members.map(({ member }) => member.name))
      members.push(...below.members.filter(({ member }) => !names.has(member.name)))
      bases.push(...below.bases)
    }
    return { members, bases: [...new Set(bases)] }
  }

  /** The docstring of what a member implements or overrides, which editors show in its place. */
  #inherited(path: string, declaration: Declaration, member: Member): string | undefined {
    if (member.doc !== undefined || member.kind === 'constructor') return undefined
    for (const base of declaration.bases) {
      const place = this.find(path, base)
      if (place === undefined) continue
      const same = place.declaration.members.find(({ name }) => name === member.name)
      const doc = same?.doc ?? this.#inherited(place.path, place.declaration, member)
      if (doc !== undefined) return doc
    }
    return undefined
  }
}

/** The `.d.ts` that an import leads to; undefined for a package. */
function targetOf(path: string, specifier: string): string | undefined {
  return resolveImport(path, specifier)?.replace(/(?<!\.d)\.[jt]s$/, '.d.ts')
}
