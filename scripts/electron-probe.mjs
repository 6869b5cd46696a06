// node electron-probe.mjs URL MS: says on stdout whether Electron can be had there, as {"bytes"} or {"reason"}. A process of
// its own, because only at its start does Node take a proxy from the environment.
const [url, limitMs] = process.argv.slice(2);
try {
  const response = await fetch(url, { method: 'HEAD', signal: AbortSignal.timeout(Number(limitMs)) });
  if (response.ok) say({ bytes: Number(response.headers.get('content-length')) || null });
  else say({ reason: `${new URL(url).host} answers ${response.status}` });
} catch (error) {
  const why = error.name === 'TimeoutError' ? 'in time' : `(${error.cause?.code ?? error.message})`;
  say({ reason: `${new URL(url).host} does not answer ${why}` });
}

function say(result) {
  process.stdout.write(JSON.stringify(result), () => process.exit());
}
