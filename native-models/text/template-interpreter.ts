import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja';

export type TemplateProgram = ReturnType<typeof parse>;
type Statement = NonNullable<Parameters<Interpreter['evaluate']>[0]>;
type Value = ReturnType<Interpreter['evaluate']>;
type Callable = Extract<Value, { value: (...args: never[]) => unknown }>;

/** The longest real templates have some 20,000 characters. */
const MAX_TEMPLATE_CHARACTERS = 65_536;
const MAX_RANGE = 1_000;
/** Largest number, and longest string, that a filter which multiplies text may be given. */
const MAX_MULTIPLIER = 64;
const MAX_MS = 3_000;

/** Every step is one node of the template evaluated once; weight is characters and elements, as if written out. */
type Budget = { steps: number; weight: number; elements: number };

/** @throws Error with the parser's words */
export function parseTemplate(source: string): TemplateProgram {
  if (source.length > MAX_TEMPLATE_CHARACTERS) {
    throw new Error(`the template has ${source.length} characters, more than the ${MAX_TEMPLATE_CHARACTERS} allowed`);
  }
  // The library looks for its tags with a pattern that takes quadratic time on a long run of spaces.
  if (/\s{1000}/.test(source)) throw new Error('the template has 1,000 spaces in a row');
  return parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
}

/**
 * Runs a template that may be hostile. It can reach nothing but its variables, and it is stopped when it takes too many
 * steps, builds values that are too large or multiplies text; the limits grow with the number of messages.
 * There is no clock for it to read: a date in the prompt would change every prefix at midnight.
 * @throws Error of the template, the library or the limits
 */
export function runTemplate(program: TemplateProgram, variables: Record<string, unknown>, messages: number): string {
  const environment = new Environment();
  const constants = { true: true, True: true, false: false, False: false, none: null, None: null };
  for (const [name, value] of Object.entries({ ...constants, ...variables })) environment.set(name, value);
  environment.set('range', boundedRange);
  environment.set('raise_exception', (message: unknown) => {
    throw new Error(String(message));
  });
  const budget = {
    steps: 200_000 + 5_000 * messages,
    weight: 262_144 + 1_024 * messages,
    elements: 2_000 + 4 * messages,
  };
  const { value } = new BoundedInterpreter(environment, program, budget).run(program);
  if (typeof value !== 'string') throw new Error('the template gives no text');
  return value;
}

class BoundedInterpreter extends Interpreter {
  readonly #budget: Budget;
  readonly #deadline = performance.now() + MAX_MS;
  readonly #outputs = new Set<unknown>();
  readonly #weights = new WeakMap<Value, number>();
  readonly #guarded = new WeakSet<Value>();
  #steps = 0;
  #written = 0;

  constructor(environment: Environment, program: TemplateProgram, budget: Budget) {
    super(environment);
    this.#budget = budget;
    collectOutputs(program, this.#outputs);
  }

  override evaluate(statement: Statement | undefined, environment: Environment): Value {
    if (++this.#steps > this.#budget.steps) throw new Error('the template takes too many steps');
    if (this.#steps % 64 === 0 && performance.now() > this.#deadline) throw new Error('the template takes too long');
    if (!statement) return super.evaluate(statement, environment);

    this.#checkFilterArguments(statement, environment);
    const value = super.evaluate(statement, environment);
    const weight = this.#weigh(value);
    // A loop prepares all its rounds at once, between two steps.
    if (Array.isArray(value.value)) this.#steps += value.value.length >> 2;
    if (weight > this.#budget.weight) throw new Error('the template builds a value that is too large');
    if (this.#outputs.has(statement)) {
      // Text is counted once at each level of nesting that it passes through.
      this.#written += weight;
      if (this.#written > 16 * this.#budget.weight) throw new Error('the template writes too much');
    }
    if (statement.type === 'MemberExpression' && value.type === 'FunctionValue') this.#guardReplace(statement, value);
    return value;
  }

  /** Size of a value as if written out: lists that share a part count it each time, so doubling lists cannot hide. */
  #weigh(value: Value): number {
    if (typeof value.value === 'string') return value.value.length;
    const known = this.#weights.get(value);
    if (known !== undefined) return known;
    const children = childrenOf(value);
    if (!children) return 1;
    if (children.length > this.#budget.elements) throw new Error('the template builds a list that is too long');
    let weight = 1;
    for (const child of children) {
      // A namespace can be changed later, so its weight would not stay true for what holds it.
      if (child.type === 'NamespaceValue') throw new Error('the template puts a namespace into another value');
      weight += 1 + this.#weigh(child);
    }
    if (value.type !== 'NamespaceValue') this.#weights.set(value, weight);
    return weight;
  }

  /** These filters repeat their arguments for each line, element or match. */
  #checkFilterArguments(statement: Statement, environment: Environment): void {
    if (statement.type !== 'FilterExpression' && statement.type !== 'FilterStatement') return;
    const filter = field(statement, 'filter');
    if (filter?.type !== 'CallExpression') return;
    const name = field(filter, 'callee');
    if (!name || !['indent', 'join', 'replace', 'tojson'].includes(String(property(name, 'value')))) return;
    for (const argument of property(filter, 'args') as Statement[]) {
      const inner = argument.type.startsWith('Keyword') ? field(argument, 'value') : undefined;
      const value = this.evaluate(inner ?? field(argument, 'argument') ?? argument, environment);
      const isLarge = typeof value.value === 'number' && Math.abs(value.value) > MAX_MULTIPLIER;
      if (isLarge || this.#weigh(value) > MAX_MULTIPLIER) throw new Error('the template multiplies text');
    }
  }

  /** `text.replace(old, new)` as a method repeats `new` for each match. */
  #guardReplace(statement: Statement, method: Value): void {
    const isReplace =
      property(statement, 'computed') === true || property(field(statement, 'property'), 'value') === 'replace';
    if (!isReplace || this.#guarded.has(method)) return;
    this.#guarded.add(method);
    const callable = method as Callable;
    const run = callable.value;
    callable.value = (args, scope) => {
      if (args[1]?.type === 'StringValue' && this.#weigh(args[1]) > MAX_MULTIPLIER) {
        throw new Error('the template multiplies text');
      }
      return run(args, scope);
    };
  }
}

function childrenOf(value: Value): Value[] | null {
  const content: unknown = value.value;
  if (Array.isArray(content)) return content as Value[];
  return content instanceof Map ? [...(content as Map<string, Value>).values()] : null;
}

/** The statements whose values a template writes out: the direct members of its blocks. */
function collectOutputs(node: unknown, outputs: Set<unknown>): void {
  for (const block of ['body', 'alternate', 'defaultBlock']) {
    const statements = property(node, block);
    if (!Array.isArray(statements)) continue;
    for (const statement of statements) {
      outputs.add(statement);
      collectOutputs(statement, outputs);
    }
  }
}

function boundedRange(...args: unknown[]): number[] {
  const [start, stop, step] = args.length < 2 ? [0, args[0], 1] : [args[0], args[1], args[2] ?? 1];
  if (typeof start !== 'number' || typeof stop !== 'number' || typeof step !== 'number' || step === 0) {
    throw new Error('range() needs numbers, and a step other than 0');
  }
  const count = Math.max(0, Math.ceil((stop - start) / step));
  if (!(count <= MAX_RANGE)) throw new Error(`range() of ${count} numbers is more than the ${MAX_RANGE} allowed`);
  return Array.from({ length: count }, (_, i) => start + i * step);
}

/** The library does not export its node classes, so their fields are looked up by name. */
function property(node: unknown, name: string): unknown {
  return typeof node === 'object' && node !== null ? (node as Record<string, unknown>)[name] : undefined;
}

function field(node: unknown, name: string): Statement | undefined {
  const value = property(node, name);
  return typeof property(value, 'type') === 'string' ? (value as Statement) : undefined;
}
