const counted = (one: string, many: string) => (count: string) => (count === '1' ? `1 ${one}` : `${count} ${many}`);

/** The shelf of documents, and what stands between a file and a question about it. */
export const enDocuments = {
  title: 'Documents',
  text: 'Drop files anywhere on the window. They are read on this machine and stay here until you remove them.',
  empty: 'Nothing on the shelf yet. Drop a document, or add one.',
  add: 'Add documents',
  adding: (name: string) => `Copying “${name}” to Longhand`,
  added: counted('document put on the shelf.', 'documents put on the shelf.'),
  list: 'Documents on the shelf',
  formats: {
    pdf: 'PDF',
    docx: 'Word',
    pptx: 'PowerPoint',
    xlsx: 'Excel',
    odt: 'OpenDocument',
    csv: 'CSV',
    tsv: 'TSV',
    markdown: 'Markdown',
    html: 'HTML',
    epub: 'EPUB',
    eml: 'Mail',
    text: 'Text',
    'plain-text': 'Text',
    code: 'Code',
    image: 'Picture',
  } as Record<string, string>,
  parts: {
    page: counted('page', 'pages'),
    sheet: counted('sheet', 'sheets'),
    slide: counted('slide', 'slides'),
    chapter: counted('chapter', 'chapters'),
    text: counted('part', 'parts'),
  },
  passages: counted('passage', 'passages'),
  from: (origin: string) => `from ${origin}`,
  states: {
    queued: 'Waits to be read',
    parsing: 'Being read',
    indexing: 'Being indexed; its words can be found already',
    ready: 'Ready',
    failed: 'Not read',
  },
  parsing: {
    page: (at: string, total: string | null) => `Reading page ${at}${total === null ? '' : ` of ${total}`}`,
    sheet: (at: string, total: string | null) => `Reading sheet ${at}${total === null ? '' : ` of ${total}`}`,
    slide: (at: string, total: string | null) => `Reading slide ${at}${total === null ? '' : ` of ${total}`}`,
    chapter: (at: string, total: string | null) => `Reading chapter ${at}${total === null ? '' : ` of ${total}`}`,
    text: () => 'Reading the text',
  },
  indexing: (done: string, total: string) => `Indexing passage ${done} of ${total}; words can be found already`,
  progress: (name: string) => `Progress of “${name}”`,
  resting: 'Stopped; what was read is kept',
  stop: 'Stop',
  goOn: 'Go on',
  tryAgain: 'Try again',
  password: 'Password of the document',
  unlock: 'Open with the password',
  ask: 'Ask about it',
  more: 'More',
  sumUp: 'Sum up',
  summing: 'Summing up',
  summaryOf: (name: string) => `Summary of “${name}”`,
  summedUp: (name: string) => `The summary of “${name}” is there.`,
  compare: 'Compare with…',
  comparing: 'Comparing.',
  comparisonOf: (before: string, after: string) => `Comparison of “${before}” and “${after}”`,
  compared: (before: string, after: string) => `The comparison of “${before}” and “${after}” is there.`,
  compareTitle: (name: string) => `Compare “${name}” with`,
  compareText: (name: string) =>
    `Choose the earlier version, or another document. Changes are told from it to “${name}”.`,
  compareSearch: 'Find a document',
  read: 'Read ahead',
  reading: 'Reading it for the model.',
  readingOf: (name: string) => `Reading “${name}” ahead`,
  readTitle: (name: string) => `Read “${name}” ahead?`,
  readPrice: (tokens: string, duration: string, bytes: string) =>
    `${tokens} tokens: about ${duration}, and ${bytes} of memory while it is open. It is read in the background; questions about it begin at once afterwards, also after a restart.`,
  readUnmeasured: (tokens: string) =>
    `${tokens} tokens. How long that takes here, and how much memory, is not known yet. It is read in the background, and can be stopped at any time.`,
  readUnpriced:
    'How long that takes is not known before a model is loaded. It is read in the background, and can be stopped at any time.',
  readTooLong: (tokens: string, limit: string) =>
    `It has about ${tokens} tokens; the model takes ${limit}. Ask about it all the same: a search finds what each question needs.`,
  readIt: 'Read it',
  open: 'Show',
  remove: 'Remove',
  actionOf: (action: string, name: string) => `${action}: ${name}`,
  removeTitle: (name: string) => `Remove “${name}”?`,
  removeText:
    'Its text, its index and the copy that Longhand keeps are removed. Your own file stays where it is. Answers that cite it stay, but without its words among their sources.',
  removed: (name: string) => `“${name}” removed from the shelf.`,
  notes: {
    'no-text-layer': (value: (detail: string) => string) =>
      `No text in ${counted('page, which is a picture', 'pages, which are pictures')(value('pages'))}.`,
    'text-recognised': (value: (detail: string) => string) =>
      `The text of ${counted('page', 'pages')(value('pages'))} was read off a picture and may have mistakes.`,
    'parts-left-out': () => 'A limit was reached: the rest was left out.',
    attachments: () => 'It holds attachments, which were not read.',
    'damaged-parts': () => 'Some of it is damaged and was left out.',
    'encoding-guessed': (value: (detail: string) => string) =>
      `How its characters are written (${value('encoding')}) was guessed.`,
  },
  search: 'Search inside documents',
  searchHint: 'Words or a question',
  results: counted('passage found', 'passages found'),
  noResults: (query: string) => `Nothing in the documents about “${query}”.`,
  wordsOnly: {
    'no-embedder': 'by words alone: there is no model for searching by meaning',
    'embedder-stopped': 'by words alone: the process that searches by meaning has stopped',
    'not-indexed': 'by words alone until the index is complete',
    language: 'by words alone: the model for searching by meaning does not know this language',
  },
  byMeaning: 'found by meaning',
};

/** The zone over the window while something is dragged, and the menu that does the same. */
export const enDrop = {
  label: 'Where to put what you drag',
  ask: 'Ask now',
  askText: 'Into this conversation. What reading it takes is shown before you send.',
  keep: 'Keep on the shelf',
  keepText: 'Read and indexed in the background, for any conversation.',
  watch: 'Watch the folder',
  watchText: 'Its files are on the shelf as they are: what is new, changed or gone is so here too.',
  watchFolder: 'Watch a folder…',
  carried: (kinds: string) => `You are dragging ${kinds}. What takes long is asked about once you drop it.`,
  ofKind: (count: string, format: string) => `${count} ${format}`,
  otherFiles: counted('other file', 'other files'),
  untold: counted('file or folder', 'files or folders'),
  model: 'A model file (GGUF, safetensors) is set up, wherever you drop it.',
  tooMany: (count: string) => `More than ${count} files at once. Nothing was taken; drop fewer of them.`,
  attach: 'Attach documents',
  attachFiles: 'Ask about files…',
  keepFiles: 'Keep files on the shelf…',
  fromShelf: 'From the shelf',
  showShelf: 'Show all documents',
  pasted: (characters: string) => `You pasted ${characters} characters.`,
  keepAsAttachment: 'Keep as attachment',
  leaveInField: 'Leave in the field',
  pastedName: (time: string) => `Pasted text, ${time}`,
};

/** Before much is taken in. */
export const enIntake = {
  files: counted('file', 'files'),
  title: {
    ask: (what: string) => `Ask about ${what}?`,
    keep: (what: string) => `Put ${what} on the shelf?`,
    watch: (name: string) => `Watch “${name}”?`,
  },
  price: (files: string, size: string, duration: string, disk: string) =>
    `${files}, ${size}: reading takes about ${duration}, and about ${disk} of disk.`,
  meaning: (duration: string) => `To find all of it by its meaning too takes about ${duration} more.`,
  then: {
    ask: 'It is read in the background. What the model then reads for your question has a price of its own, which is shown before you send.',
    keep: 'It is read in the background, and what has been read can be found at once.',
    watch: 'It is read in the background, and what has been read can be found at once. Later only changes are read.',
  },
  go: { ask: 'Read it', keep: 'Keep it', watch: 'Watch it' },
};

/** Documents at addresses of the web. */
export const enAddress = {
  menu: 'From an address…',
  title: 'Add from an address',
  text: 'The document is fetched once and kept like a file; nothing it links to is fetched.',
  field: 'Address',
  fetch: 'Fetch it',
  progress: 'Fetching the document',
  askTitle: (host: string) => `Fetch from ${host}?`,
  askText: (host: string) =>
    `${host} is asked for the address below and so learns it, your network address, and that Longhand asks. Nothing else is sent: no cookies, and nothing of your documents or conversations.`,
  leadsOn: (from: string, host: string) =>
    `${from} leads on to ${host}. It is asked for the address below and so learns it, your network address, and that Longhand asks. Nothing else is sent.`,
  once: 'Only this time',
  always: 'Always from this host',
  hosts: 'Documents from the web',
  hostsText: 'From these hosts documents are fetched without a question when you give their addresses.',
  noHosts: 'Nothing is fetched from any host without asking you first.',
  forget: 'Ask again',
};

/** Folders that are watched. */
export const enWatch = {
  label: (name: string) => `Folder ${name}`,
  begun: (name: string) => `“${name}” is watched from now on.`,
  ended: (name: string) => `“${name}” is not watched any more.`,
  onlyFolders: 'Only folders can be watched. Drop one of them here.',
  holdsNothing:
    'The folder holds no files yet, and a browser tells where one lies by its files. Put something in it first.',
  others: 'Other documents',
  states: {
    looking: 'Being looked through',
    watched: 'Watched',
    missing: 'Not there. What was read of it stays; it is watched again when it is back.',
    unreadable: 'May not be read. What was read of it stays.',
    empty:
      'Empty all at once. In case its disk was taken away, what was read of it stays. If you emptied it, stop watching it.',
    'too-large': 'Too many files by now. What was read of it stays as it is.',
  },
  documents: counted('document', 'documents'),
  passedOver: counted('file of another kind', 'files of other kinds'),
  waiting: counted('change not taken over yet', 'changes not taken over yet'),
  reading: (count: string) => `${count} to be read`,
  unreadable: (count: string) => `${count} that may not be read`,
  show: (count: string) => (count === '1' ? 'Show its document' : `Show its ${count} documents`),
  hide: 'Hide its documents',
  ask: 'Ask about it',
  stop: 'Stop watching',
  stopTitle: (name: string) => `Stop watching “${name}”?`,
  stopText: 'Its documents can stay on the shelf as they are now, or go. The folder itself is not touched.',
  keep: 'Keep its documents',
  remove: 'Remove its documents',
  gone: 'No longer so in its folder; kept because a conversation has read it',
  goneShort: 'no longer so in its folder',
  whereTitle: (name: string) => `Where is “${name}”?`,
  whereText:
    'A browser does not tell where a folder is, and it was not found below your home folder. Give its whole path on this machine; it is known by its files.',
  path: 'Path of the folder',
  pathHint: '/home/ada/Reports',
  notThere: 'This is not the folder that you gave: other files are there, or none.',
  watch: 'Watch',
};

/** The list at an @ in the message field. */
export const enMention = {
  label: 'Documents on the shelf',
  folder: 'folder',
  tag: 'tag',
  shelf: 'all documents',
  found: (count: string) =>
    `${counted('document', 'documents')(count)}; arrow keys choose, Enter adds it, Escape closes the list.`,
};

/** Words of the user's on documents. */
export const enTags = {
  wholeShelf: 'The whole shelf',
  change: 'Tags…',
  title: (name: string) => `Tags of “${name}”`,
  text: 'A tag gathers documents: the shelf and its search can be narrowed to it, and a conversation can ask about all that carry it.',
  offered: 'Tags on the shelf',
  field: 'New tag',
  hint: 'New tag; commas part several',
  save: 'Save',
  of: (name: string) => `Tags of ${name}`,
  filter: 'Show only what carries a tag',
  showOnly: (tag: string) => `Show only what carries “${tag}”`,
  showAll: 'Show all documents again',
  tagged: (tag: string, count: string) => `#${tag}: ${counted('document', 'documents')(count)}`,
  ask: 'Ask about all of them',
};

/** The documents of a conversation, above its field. */
export const enAttached = {
  label: 'Documents of this conversation',
  folder: (name: string, count: string) => `${name}: ${counted('document', 'documents')(count)}`,
  remove: (name: string) => `Remove “${name}” from this conversation`,
  way: 'How they are read',
  whole: 'Whole',
  search: 'Search',
  wholeText: 'All of their text stands before the question.',
  searchText: 'For each question, what a search finds is read.',
  tokens: (count: string) => `${count} tokens`,
  seconds: (duration: string) => `about ${duration} to read`,
  bytes: (bytes: string) => `${bytes} of memory while it is open`,
  cached: (count: string) => `${count} of them read already`,
  perQuestion: (count: string) => `up to ${count} tokens a question`,
  tooLong: (tokens: string, limit: string) => `${tokens} tokens; the model takes ${limit}. Search instead.`,
  chooseSearch: 'Search instead',
  unread: counted('is still being read', 'are still being read'),
};

/** What an answer about documents rests on. */
export const enSources = {
  title: 'What the answer rests on',
  claims: counted('claim', 'claims'),
  found: (count: string) => `${count} found`,
  close: (count: string) => `${count} close to the source`,
  computed: (count: string) => `${count} computed`,
  computedMark: 'computed',
  missing: (count: string) => `${count} not found`,
  list: (parts: readonly string[]) => parts.join(', '),
  noClaims: 'Nothing in this answer is cited.',
  whole: (names: string) => `Read whole: ${names}`,
  searchedPages: (searched: string, read: string) => `Searched ${searched} pages, read ${read}`,
  searchedDocuments: (names: string, passages: string) =>
    `Searched ${names}, read ${counted('passage', 'passages')(passages)}`,
  nothingClose: 'A search found nothing in the documents that is close to the question',
  show: 'Show sources',
  hide: 'Hide sources',
  passages: 'What was read',
  removed: 'The document was removed, and its words with it.',
  states: { exact: 'Found', close: 'Close to the source', computed: 'Computed by a query', missing: 'Not found' },
  notFound: 'not found',
  doubts: {
    number: (text: string) => `the number ${text} is not there`,
    name: (text: string) => `the name ${text} is not there`,
    negation: (text: string) => `“${text}” is not borne out`,
  },
  doubt: (doubts: string) => `Doubt: ${doubts}`,
  mark: (number: string, state: string, place: string) => `Source ${number}, ${state.toLowerCase()}: ${place}`,
  openAt: (place: string) => `Show ${place}`,
};

/** What the model asked the tables of documents for an answer. */
export const enCalls = {
  title: 'What was computed for this answer',
  asking: 'Asking the tables:',
  asked: 'Asked the tables:',
  failed: 'A query of the tables failed:',
  stopped: 'Stopped while asking the tables:',
  unreadable: 'The model wrote a call that cannot be read:',
  reason: (reason: string) => `The reason: ${reason}`,
  rows: counted('row', 'rows'),
  firstRows: (shown: string, all: string) => `The first ${shown} of ${all} rows; copied and saved are all of these.`,
  more: (rows: string) => `${rows} kept; there are more.`,
  none: 'No rows.',
  cut: 'The row is too long to be kept whole: its cells are cut.',
  removed: 'A document that this was computed from was removed, and its rows with it.',
};

/** The pane that shows a source. */
export const enPane = {
  label: 'Source',
  part: {
    page: (label: string) => `Page ${label}`,
    sheet: (label: string) => `Sheet ${label}`,
    slide: (label: string) => `Slide ${label}`,
    chapter: (label: string) => `Chapter ${label}`,
    text: () => 'Text',
  },
  previous: 'Previous page',
  next: 'Next page',
  outline: 'Contents',
  noOutline: 'This document has no headings.',
  copyQuote: 'Copy the quote',
  asPage: 'Page',
  asText: 'Text',
  view: 'How it is shown',
  loading: 'Opening the source…',
  gone: 'This is not on the shelf any more, or not read yet.',
  pageFailed: 'The page could not be drawn, so its text is shown.',
  picture: (label: string) => `Page ${label}, drawn`,
  quote: 'Cited words',
  recognised: 'This text was read off a picture and may have mistakes.',
  earlier: 'Show what stands before',
  later: 'Show what follows',
  rowLabel: 'Row',
};

/** The model that finds passages by their meaning. */
export const enMeaning = {
  label: 'Getting the model that finds by meaning',
  none: 'Documents are found by their words; to find them by meaning takes a small model of its own.',
  about: (name: string, license: string, isManyLanguages: boolean) =>
    `${name} (${license}) knows ${isManyLanguages ? 'many languages' : 'English'}.`,
  get: (size: string) => `Download ${size}`,
  getting: (name: string) => `Getting ${name}.`,
  inUse: (name: string) => `Documents are found by their meaning too, with ${name}.`,
  indexed: (done: string, total: string) => `It has read ${done} of ${total} passages.`,
  allIndexed: 'It has read all of them.',
  change: 'Other models',
  close: 'Hide the models',
  models: 'Models that find by meaning',
  use: 'Use',
  useIt: (name: string) => `Use ${name}`,
  used: 'In use',
  ownModel: 'your own',
  own: 'Use a model of your own…',
  ownText: 'An ONNX model in a folder with its tokenizer.json.',
  importing: 'Being tried…',
  anew: 'With another model all passages are indexed anew, in the background. Their words can be found all the while.',
};
