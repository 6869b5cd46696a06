/** Every message that passes between the preload and the main process. Ports carry the rest. */
export const channels = {
  /** Page asks for a port, with the id that the answer shall bear. */
  connect: 'longhand:connect',
  /** The answer: a `PortMessage` of main/contract/bridge.ts, and its port. */
  port: 'longhand:port',
  chooseCheckpoint: 'longhand:choose-checkpoint',
  chooseDocuments: 'longhand:choose-documents',
  chooseFolder: 'longhand:choose-folder',
  /** The preload has read this path off a file that the user dropped. */
  dropped: 'longhand:dropped',
  restart: 'longhand:restart',
  /** The language of the page, for what the system draws. */
  speak: 'longhand:speak',
} as const;
