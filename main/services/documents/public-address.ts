import { BlockList, isIP } from 'node:net';

// Of IANA's special-purpose registries: what leads to this machine, its network, or nowhere.
const RANGES: readonly [network: string, prefix: number][] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  ['::', 128],
  ['::1', 128],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
];
/** IPv6 forms that carry an IPv4 address in their last 32 bits: mapped, compatible, and NAT64. */
const CARRIERS: readonly [network: string, prefix: number][] = [
  ['::ffff:0:0', 96],
  ['::', 96],
  ['64:ff9b::', 96],
];

const blocked = listOf(RANGES);
const carriers = listOf(CARRIERS);

/** Whether an IP address is one of the public internet: no loopback, link-local or private one, in whatever form it is written. */
export function isPublic(address: string): boolean {
  const bare = address.split('%')[0]!;
  if (isIP(bare) === 4) return !blocked.check(bare, 'ipv4');
  if (isIP(bare) !== 6 || blocked.check(bare, 'ipv6')) return false;
  return !carriers.check(bare, 'ipv6') || isPublic(lastFour(bare));
}

function listOf(ranges: readonly [string, number][]): BlockList {
  const list = new BlockList();
  for (const [network, prefix] of ranges) list.addSubnet(network, prefix, network.includes(':') ? 'ipv6' : 'ipv4');
  return list;
}

/** The last 32 bits of an IPv6 address, as IPv4 is written: a URL puts it into its one short form. */
function lastFour(address: string): string {
  const [high = '0', low = '0'] = new URL(`http://[${address}]`).hostname.slice(1, -1).split(':').slice(-2);
  const bits = [high, low].map((word) => Number.parseInt(word || '0', 16));
  return bits.flatMap((word) => [word >> 8, word & 255]).join('.');
}
