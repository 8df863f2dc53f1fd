// What bash, zsh and fish complete, made of the same tables as the help.
// `umqtt completions SHELL` prints it; the first line of each says where it belongs.

import { command, type Command } from './command.ts'
import { longName, offersOf, type Option } from './options.ts'
import { UsageError, shown } from './usage-error.ts'

type Offers = ReturnType<typeof offersOf>
type Writer = (commands: readonly Command[]) => string

/** A text that a POSIX shell takes as it is. */
const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`

const flagsOf = (key: string, { short }: Option): string[] => [
  `--${longName(key)}`,
  ...(short === undefined ? [] : [`-${short}`]),
]

const bash: Writer = (commands) => {
  const cases = commands.map(({ name, options, positionals }) => {
    const entries = Object.entries(options)
    const flags = entries.flatMap(([key, option]) => flagsOf(key, option)).join(' ')
    const values = entries.flatMap(([key, option]) => {
      if (option.kind === 'flag') return []
      return [`      ${flagsOf(key, option).join('|')}) ${bashOffer(offersOf(option))}; return ;;`]
    })
    const rest = positionals?.offers === undefined ? '' : `\n    ${bashOffer(positionals.offers)}`
    return `  ${name})
    case $previous in
${values.join('\n')}
    esac
    if [[ $word == -* ]]; then COMPREPLY=($(compgen -W ${quoted(flags)} -- "$word")); return; fi${rest} ;;`
  })
  return `# Put this where bash-completion looks, or: eval "$(umqtt completions bash)"
_umqtt() {
  local word=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W ${quoted(commands.map(({ name }) => name).join(' '))} -- "$word"))
    return
  fi
  case \${COMP_WORDS[1]} in
${cases.join('\n')}
  esac
}
complete -F _umqtt umqtt
`
}

function bashOffer(offers: Offers): string {
  if (offers === undefined) return ':'
  if (offers === 'file') return 'COMPREPLY=($(compgen -f -- "$word"))'
  if (offers === 'folder') return 'COMPREPLY=($(compgen -d -- "$word"))'
  return `COMPREPLY=($(compgen -W ${quoted(offers.join(' '))} -- "$word"))`
}

const zsh: Writer = (commands) => {
  const cases = commands.map(({ name, options, positionals }) => {
    const specs = Object.entries(options).flatMap(([key, option]) => {
      const { kind, help, multiple } = option
      const said = help.replaceAll(/[[\]\\:]/g, (character) => `\\${character}`)
      const value = kind === 'flag' ? '' : `:${longName(key)}:${zshOffer(offersOf(option))}`
      const flags = flagsOf(key, option)
      const others = multiple ? '*' : flags.length > 1 ? `(${flags.join(' ')})` : ''
      return flags.map((flag) => `      ${quoted(`${others}${flag}[${said}]${value}`)}`)
    })
    if (positionals) specs.push(`      ${quoted(`*:argument:${zshOffer(positionals.offers)}`)}`)
    return `    ${name}) _arguments -s \\\n${specs.join(' \\\n')} ;;`
  })
  return `#compdef umqtt
# Save this as _umqtt in a folder of $fpath.
_umqtt() {
  if (( CURRENT == 2 )); then
    local -a commands=(
${commands.map(({ name, summary }) => `      ${quoted(`${name}:${summary}`)}`).join('\n')}
    )
    _describe command commands
    return
  fi
  local name=$words[2]
  shift words
  (( CURRENT-- ))
  case $name in
${cases.join('\n')}
  esac
}
if [ "$funcstack[1]" = _umqtt ]; then _umqtt "$@"; else compdef _umqtt umqtt; fi
`
}

function zshOffer(offers: Offers): string {
  if (offers === undefined) return ''
  if (offers === 'file') return '_files'
  if (offers === 'folder') return '_files -/'
  return `(${offers.join(' ')})`
}

const fish: Writer = (commands) => {
  const lines = commands.flatMap(({ name, summary, options, positionals }) => {
    const within = `-n ${quoted(`__fish_seen_subcommand_from ${name}`)}`
    return [
      `complete -c umqtt -n __fish_use_subcommand -a ${name} -d ${fishQuoted(summary)}`,
      ...(positionals?.offers === undefined ? [] : [`complete -c umqtt ${within} -F`]),
      ...Object.entries(options).map(([key, option]) => {
        const { kind, short, help } = option
        const flags = `-l ${longName(key)}${short === undefined ? '' : ` -s ${short}`}`
        const value = kind === 'flag' ? '' : ` -r${fishOffer(offersOf(option))}`
        return `complete -c umqtt ${within} ${flags}${value} -d ${fishQuoted(help)}`
      }),
    ]
  })
  return `# Save this as ~/.config/fish/completions/umqtt.fish
complete -c umqtt -f
${lines.join('\n')}
`
}

/** A text that fish takes as it is: it knows \\' and \\\\ between quotes. */
const fishQuoted = (text: string): string =>
  `'${text.replaceAll(/['\\]/g, (character) => `\\${character}`)}'`

function fishOffer(offers: Offers): string {
  if (offers === undefined) return ' -f'
  if (offers === 'file') return ' -F'
  if (offers === 'folder') return " -f -a '(__fish_complete_directories)'"
  return ` -f -a ${fishQuoted(offers.join(' '))}`
}

const SHELLS: Readonly<Record<string, Writer>> = { bash, zsh, fish }

/** Makes the command, which knows all the others. */
export function completionsCommand(others: () => Promise<readonly Command[]>): Command {
  return command({
    name: 'completions',
    summary: 'Prints what a shell needs to complete commands and options.',
    examples: ['eval "$(umqtt completions bash)"'],
    options: {},
    positionals: { placeholder: 'bash|zsh|fish', min: 1, max: 1 },
    endings: [],
    async run({ out }, { positionals: [shell = ''] }) {
      const write = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined
      if (write === undefined) {
        throw new UsageError(`Cannot complete for ${shown(shell)}: write bash, zsh or fish`)
      }
      await out.write(write(await others()))
      return 'done'
    },
  })
}
