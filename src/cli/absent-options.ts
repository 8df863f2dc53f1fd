// Options that fingers know from mosquitto's clients and that are not there, each with why, or what to write instead.
// Knows no command.

/** By their names, as they are written. */
const REASONS: Readonly<Record<string, string>> = {
  '-A': 'the system chooses the address that a connection comes from',
  '-M': 'the server says with its Receive Maximum how many messages may be on the way to it',
  '--ciphers': 'they are those of Node; NODE_OPTIONS=--tls-cipher-list=NAMES changes them',
  '--keyform': 'a key is a file in PEM',
  '--nodelay': 'it is always so, leave it out',
  '--pretty': 'pipe --json into a program such as jq',
  '--proxy': 'it connects directly; a tunnel such as that of ssh -L has an address of its own',
  '--psk': 'TLS goes by certificates: write --cafile, or --cert and --key',
  '--psk-identity': 'TLS goes by certificates: write --cafile, or --cert and --key',
  '--random-filter': 'filter what it prints, with a program such as awk',
  '--tls-alpn': 'write --alpn',
  '--tls-engine': 'a key is a file in PEM',
  '--tls-use-os-certs': 'write --tls',
}

/** Why there is no such option; undefined when nobody would look for it. */
export function whyAbsent(name: string): string | undefined {
  return Object.hasOwn(REASONS, name) ? REASONS[name] : undefined
}
