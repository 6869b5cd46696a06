/** Words for finding models and getting them from a hub, in English. */
export const enHub = {
  search: 'Find a model',
  placeholder: 'Name, size or purpose; or OWNER/NAME of a hub',
  ask: (name: string) => `Ask the hub for ${name}`,
  asking: 'Asking the hub.',
  none: (query: string) => `The catalogue has nothing for “${query}”. To ask a hub, write OWNER/NAME.`,
  at: (host: string) => `at ${host}`,
  nothing: 'It holds no model file that can be read here.',
  parts: (count: string) => `${count} files`,
  licence: (name: string) => `Licence: ${name}`,
  licenceUnknown: 'not told',
  licenceTitle: (name: string) => `The licence of ${name}`,
  licenceText: (licence: string) =>
    `Its licence (${licence}) sets limits to what the model may be used for. Read it where the model is published; nothing has been fetched yet.`,
  agree: 'I have read it and agree',
  nearestContext: (tokens: string) => `It fits with a context of ${tokens}.`,
  nearestRecipe: (recipe: string) => `It fits when compiled as “${recipe}”.`,
  nearestModel: (name: string) => `${name} fits.`,
  queue: 'Next in line',
  leaveQueue: (title: string) => `Take out of the line: ${title}`,
  leave: 'Take out',
};
