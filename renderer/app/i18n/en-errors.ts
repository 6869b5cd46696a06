import type { ErrorCode } from '../../../main/contract/errors.ts';

/** What stands for a detail that an error does not have. */
export const UNKNOWN = '?';

/** The detail that tells, in words and brackets, why a process ended; empty where nothing is known. */
export const WHY = 'why';

/** `value` formats a detail of the error: bytes with their unit, numbers with separators, lists in words, else text. */
export type ErrorWords = (value: (detail: string) => string) => string;

/** What a document took too much of, by the detail `limit`. */
const EN_LIMITS: Record<string, string> = {
  seconds: 'time',
  parts: 'pages or files',
  characters: 'text',
  unpackedBytes: 'room when unpacked',
  pixels: 'size of a picture',
  fileBytes: 'size of the file',
  memoryBytes: 'memory',
};

/** Why an address was not fetched, by the detail `reason`. */
const EN_ADDRESS: Record<string, ErrorWords> = {
  'not-an-address': () => 'it has to begin with http:// or https://, and to hold no name and password',
  private: (value) => `${value('host')} is this machine or one of its own network, which are never asked for documents`,
  insecure: () => 'it leads from an encrypted address to one that is not',
  redirects: () => 'it leads from address to address, without an end',
  status: (value) => `${value('host')} has no document there (status ${value('status')})`,
  type: (value) => `what is there is no document (${value('found')})`,
  'too-large': (value) => `it is larger than ${value('limitBytes')}`,
  'too-slow': (value) => `${value('host')} takes too long`,
  unreachable: (value) => `${value('host')} can’t be reached. Check the network, then try again`,
};

/** What happened, what it means for the user's data, and one next step. */
export const enErrors: Record<ErrorCode, ErrorWords> = {
  'data-folder-in-use': () => 'Another Longhand uses this data folder. Close it, or choose another folder.',
  'data-folder-unusable': () => 'The data folder cannot be written. Nothing was changed. Check its permissions.',
  'data-folder-away': (value) =>
    `Your data are in ${value('path')}, which is not there now. Nothing was changed. Connect its disk and try again.`,
  'move-refused': (value) =>
    `The data cannot go to ${value('path')}. They stay where they are. Choose an empty folder that can be written and does not lie in the present one.`,
  'database-corrupt': () => 'The database is damaged. It is open for reading only; restore the newest backup.',
  'database-newer': () => 'The data was written by a newer Longhand and was not touched. Install that version.',
  'database-missing': () => 'The database is missing. Nothing was created in its place; restore a backup.',
  'migration-failed': () => 'The update of the data failed and was undone. The copy from before is in use.',
  'disk-full': (value) =>
    value('neededBytes') === UNKNOWN
      ? 'The disk is full. Nothing was written. Free some space and try again.'
      : `${value('freeBytes')} free on the disk, ${value('neededBytes')} needed. Nothing was written. Free some space and try again.`,
  'not-found': (value) =>
    value('path') === UNKNOWN
      ? 'This conversation does not exist any more. It may have been deleted in another window.'
      : `The file ${value('path')} is not there any more. Nothing was changed. Choose it again.`,
  'conversation-busy': () => 'An answer is still being written here. Wait for it, or stop it.',
  'context-length-exceeded': (value) =>
    `This message makes ${value('promptTokens')} tokens; the model takes ${value('contextTokens')}. Nothing was cut. Shorten it, or start a new conversation.`,
  'nothing-to-continue': () => 'This answer is complete. Send a message to go on.',
  'document-not-ready': (value) => `Not read yet: ${value('names')}. Wait until that is done, then ask again.`,
  'call-unreadable': () => 'The model wrote a call that cannot be carried out as it stands. It was told so.',
  'call-failing': (value) =>
    `The model made the same call twice, and it failed both times (${value('errors')}). Nothing was changed. Ask in other words, or choose another model.`,
  'too-many-calls': (value) =>
    `The model made ${value('calls')} calls and came to no answer. Nothing was changed. Ask for less at once.`,
  'query-not-select': () => 'Tables can only be asked by one SELECT. Nothing was changed.',
  'query-too-long': (value) => `The query was stopped after ${value('seconds')} seconds. Nothing was changed.`,
  'empty-message': () => 'The message is empty. Write something first.',
  'no-model': () => 'There is no model yet. Your text is kept. Get a model first.',
  'model-not-found': () => 'The files of the model are gone. Your conversations are safe. Get the model again.',
  'model-in-use': (value) => {
    if (value('holder') === 'self-test')
      return 'A self-test asks the model just now. Pause it under “Models” first; what it has found is kept.';
    if (value('wanted') !== UNKNOWN)
      return `Another model answers now. What was done so far is kept: use ${value('wanted')} again, then go on.`;
    return 'The model is writing an answer. Stop it first.';
  },
  'context-too-large': (value) =>
    `So long a context would take more memory than can be used here (${value('neededBytes')} of ${value('usableBytes')}). Choose a shorter one, or int8 for what is cached.`,
  'model-damaged': (value) =>
    value('missing') === UNKNOWN
      ? 'The files of the model are damaged. Your conversations are safe. Get the model again.'
      : `There is no ${value('missing')} in what was chosen, so it is no model that finds by meaning. Nothing was changed. Choose the folder of an ONNX model.`,
  'checkpoint-unreadable': () =>
    'The model file is damaged or was cut short. It was not changed. Get it again from where it came.',
  'not-a-checkpoint': () =>
    'This is no model that can be read here. Nothing was changed. Choose a GGUF file with all its parts, or all files of a folder of safetensors.',
  'unsupported-checkpoint': (value) =>
    value('found') === UNKNOWN || value('supported') === UNKNOWN
      ? 'This kind of model is not supported yet. The file was not changed.'
      : `The file holds “${value('found')}”; supported are ${value('supported')}. The file was not changed. Choose another one.`,
  'adapter-needs-base': (value) => {
    const base = value('base') === UNKNOWN ? 'its base model' : `“${value('base')}”`;
    return `This is an adapter and needs ${base}, which it changes. Nothing was changed. Get that model first, or put its folder beside the adapter’s; then try again. In a terminal: longhand models import ADAPTER --base MODEL.`;
  },
  'download-failed': () => 'The download broke off. What has arrived is kept. Try again to go on.',
  'checksum-mismatch': () => 'The downloaded file differs from the published one and was not used. Try again.',
  'license-not-acknowledged': (value) =>
    `This model comes under its own licence (${value('license')}). Nothing was fetched. Read it and agree first.`,
  'not-at-hub': () =>
    'No source has this model, or it is kept behind a login. Nothing was fetched. Check the name, or choose another one.',
  offline: () => 'No source of models could be reached. Check the network, then try again.',
  'bad-chat-template': () => 'The model’s own message format is broken, so it cannot chat. Choose another model.',
  'document-unreadable': (value) =>
    `The document cannot be read: ${value('reason')}. The file was not changed. Open it in the program that made it, and save it again.`,
  'document-encrypted': (value) =>
    value('password') === 'unsupported'
      ? 'The document is locked in a way that is not read here. The file was not changed. Save a copy without a password.'
      : value('password') === 'wrong'
        ? 'That is not the password of this document. The file was not changed. Try another one.'
        : 'The document is locked. The file was not changed. Enter its password to read it.',
  'document-too-large': (value) =>
    `Reading the document was stopped: it takes more than is allowed (${EN_LIMITS[value('limit')] ?? value('limit')}). The file was not changed. Divide it, or choose a smaller one.`,
  'unsupported-document': (value) =>
    `Files of this kind are not read yet (${value('found')}). The file was not changed. Save it as PDF, DOCX or text.`,
  'folder-too-large': (value) =>
    `This folder holds more than ${value('limit')} files, too many to be watched. Nothing was taken. Choose a folder in it.`,
  'host-not-allowed': (value) =>
    `${value('host')} was not asked for the document, because you have not agreed to that. Nothing was sent.`,
  'address-not-fetched': (value) =>
    `Nothing was fetched from this address: ${EN_ADDRESS[value('reason')]?.(value) ?? value('reason')}.`,
  'engine-stopped': (value) => `The model process stopped${value(WHY)}. Your text is saved.`,
  'engine-hung': () => 'The model process did not respond and was started again. Your text is saved.',
  'reader-stopped': () => 'The process that reads files stopped. Your files were not changed. Try again.',
  'embedder-stopped': () => 'The process that finds by meaning stopped. Your documents are unchanged. Try again.',
  'assistant-stopped': () => 'The connection to Longhand broke. Your text is kept. Try again.',
  'runtime-failed': () => 'The model could not be run. Your text is saved. Try again, or choose another model.',
  'port-in-use': () => 'The network port is taken by another program. Choose another port.',
  unauthorised: () => 'Longhand did not accept this page. Open the address that it printed last.',
  'path-not-chosen': (value) =>
    `${value('path')} was not opened, because you did not choose it in this window. Choose the file, or drop it here.`,
  'app-damaged': (value) =>
    `A part of Longhand was changed or is damaged (${value('file')}). Nothing was started, and your data was not touched. Install Longhand again.`,
  'invalid-input': () => 'Longhand did not understand the request. Your text is kept. Reload the page.',
  cancelled: () => 'Cancelled.',
  internal: () => 'Longhand met a fault of its own. Your text is saved. Try again.',
};
