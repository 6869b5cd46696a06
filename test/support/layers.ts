import { cruise, type IRegularForbiddenRuleType, type ICruiseResult } from 'dependency-cruiser';

/** The map of the layers, sentence by sentence. A broken rule is reported with the sentence it stands for. */
const SENTENCES = {
  arrows:
    'contract <- native-models, engine, embedder, reader, store <- services <- shell, server, cli; contract <- renderer. ' +
    'An arrow means "is imported by".',
  renderer: 'The renderer sees only the contract. It could run in a browser tab, and in tests it does.',
  electron: 'Only main/shell/electron knows Electron.',
  engine:
    "Only main/engine imports onnxruntime-node, in a child process that may crash without losing a word of the user's.",
  store: 'Only main/services/store touches SQLite. Others call functions named after what the user did.',
  reader:
    'Only main/reader parses documents, in a child with limits, because files lie. ' +
    'renderer/pdf draws pages, in a worker of a page that has nothing.',
  nativeModels: 'native-models is pure: bytes in, graph bytes out. No Electron, no runtime, no database.',
};
type Sentence = keyof typeof SENTENCES;

const OURS = '^(main|native-models|renderer)/';
const CONTRACT = '^main/contract/';
const NATIVE_MODELS = '^native-models/';
const SERVICES = '^main/services/';
const SHELLS = '^main/(shell|server|cli)/';
const STORE = '^main/services/store/';
const DOCUMENT_PARSERS = '@napi-rs/canvas|htmlparser2|tesseract\\.js|postal-mime|csv-parse';

const RULES: IRegularForbiddenRuleType[] = [
  // What each layer may import of ours.
  mayImport('renderer', '^renderer/', ['^renderer/', CONTRACT]),
  mayImport('nativeModels', NATIVE_MODELS, [NATIVE_MODELS]),
  mayImport('arrows', CONTRACT, [CONTRACT]),
  mayImport('arrows', '^main/engine/', ['^main/engine/', CONTRACT, NATIVE_MODELS]),
  mayImport('arrows', '^main/embedder/', ['^main/(embedder|engine/runtime)/', CONTRACT, NATIVE_MODELS]),
  mayImport('arrows', '^main/reader/', ['^main/reader/', CONTRACT, NATIVE_MODELS]),
  mayImport('arrows', STORE, [STORE, CONTRACT]),
  mayImport('arrows', SERVICES, [SERVICES, '^main/(embedder|engine|reader)/', CONTRACT, NATIVE_MODELS]),
  mayImport('arrows', SHELLS, ['^main/', NATIVE_MODELS]),
  // Of a child process, others import the client; the rest runs in the child.
  forbidden('engine', [SERVICES, SHELLS], { path: '^main/engine/', pathNot: '/client\\.ts$' }),
  forbidden('engine', [SERVICES, SHELLS], { path: '^main/embedder/', pathNot: '/client\\.ts$' }),
  forbidden('reader', [SERVICES, SHELLS], { path: '^main/reader/', pathNot: '/client\\.ts$' }),
  // Packages, and parts of Node, that belong to one folder or to none.
  onlyIn('electron', '^main/shell/electron/', packages('electron|electron-updater')),
  onlyIn('engine', '^main/engine/', packages('onnxruntime-node|koffi')),
  onlyIn('store', STORE, `${packages('better-sqlite3|sql\\.js')}|^(node:)?sqlite$`),
  onlyIn('reader', '^main/reader/', packages(DOCUMENT_PARSERS)),
  onlyIn('reader', '^(main/reader|renderer/pdf)/', packages('pdfjs-dist')),
  forbidden('renderer', '^renderer/', { dependencyTypes: ['core'] }),
  forbidden('nativeModels', NATIVE_MODELS, { path: '^(node:)?(child_process|dgram|http|http2|https|net|tls)$' }),
];

/**
 * Imports under `baseDir` that break the layering, type imports included, each as one line that ends with the sentence
 * it breaks: `main/engine/a.ts imports main/services/b.ts: <sentence>`.
 */
export async function brokenLayers(baseDir: string): Promise<string[]> {
  const { output } = await cruise(
    ['main', 'native-models', 'renderer'],
    {
      baseDir,
      validate: true,
      ruleSet: { forbidden: RULES },
      tsPreCompilationDeps: true, // sees `import type`, which leaves no trace in the compiled code
      doNotFollow: { path: 'node_modules' },
    },
    { extensions: ['.ts', '.svelte', '.mjs', '.js'], conditionNames: ['import', 'node', 'types', 'default'] },
  );
  const { violations, totalCruised } = (output as ICruiseResult).summary;
  if (totalCruised === 0) throw new Error(`${baseDir} holds no modules to check`);
  return violations
    .map(({ from, to, rule }) => `${from} imports ${bareName(to)}: ${SENTENCES[rule.name as Sentence]}`)
    .sort();
}

function mayImport(sentence: Sentence, from: string, allowed: string[]): IRegularForbiddenRuleType {
  return forbidden(sentence, from, { path: OURS, pathNot: allowed });
}

function onlyIn(sentence: Sentence, owner: string, path: string): IRegularForbiddenRuleType {
  return { ...forbidden(sentence, OURS, { path }), from: { path: OURS, pathNot: owner } };
}

function forbidden(
  sentence: Sentence,
  from: string | string[],
  to: IRegularForbiddenRuleType['to'],
): IRegularForbiddenRuleType {
  return { name: sentence, severity: 'error', from: { path: from }, to };
}

/** Matches a package where it is resolved to, its types, and its bare name where it is not installed. */
function packages(names: string): string {
  return `(^|node_modules/(@types/)?)(${names})(/|$)`;
}

const bareName = (path: string) => path.replace(/^.*node_modules\//, '');
