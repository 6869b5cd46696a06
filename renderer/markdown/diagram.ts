export type Drawing = { address: string; width: number; height: number };

const FRAME = 'diagram/frame.html';
const LIMIT_MS = 8000;
const MOST_SVG_CHARACTERS = 3_000_000;

type Task = { text: string; dark: boolean; resolve(drawing: Drawing): void; reject(error: Error): void };

/** A diagram that would take longer than anybody waits for it. */
export class DiagramTooSlow extends Error {}

/**
 * Draws Mermaid diagrams, one after the other. Mermaid runs in a sandboxed frame with an opaque origin and a policy that
 * lets it fetch nothing; only the text of an SVG comes back, and it is shown as an image, where a browser runs no script,
 * follows no link and loads nothing. Such a frame has a process of its own, so a diagram without end holds up no page.
 */
export class Diagrams {
  #frame: Promise<HTMLIFrameElement> | null = null;
  #tasks: Task[] = [];
  #drawing = false;
  #id = 0;

  /** Rejects where the source is no diagram, with `DiagramTooSlow` after 8 s. The caller revokes the address when it is done with it. */
  draw(text: string, dark: boolean): Promise<Drawing> {
    const { promise, resolve, reject } = Promise.withResolvers<Drawing>();
    this.#tasks.push({ text, dark, resolve, reject });
    void this.#work();
    return promise;
  }

  async #work(): Promise<void> {
    if (this.#drawing) return;
    this.#drawing = true;
    for (let task = this.#tasks.shift(); task !== undefined; task = this.#tasks.shift()) {
      try {
        task.resolve(await this.#ask(task));
      } catch (error) {
        task.reject(error instanceof Error ? error : new Error(String(error)));
      }
    }
    this.#drawing = false;
  }

  async #ask({ text, dark }: Task): Promise<Drawing> {
    const frame = await (this.#frame ??= openFrame());
    const id = (this.#id += 1);
    const { promise, resolve, reject } = Promise.withResolvers<Drawing>();
    const listen = ({ source, data }: MessageEvent<unknown>) => {
      if (source !== frame.contentWindow || !isAnswer(data) || data.id !== id) return;
      const drawing = drawingOf(data);
      if (drawing) resolve(drawing);
      else reject(new Error('Not a diagram.'));
    };
    const timer = setTimeout(() => {
      frame.remove(); // with whatever it is still computing
      this.#frame = null;
      reject(new DiagramTooSlow());
    }, LIMIT_MS);
    window.addEventListener('message', listen);
    try {
      frame.contentWindow?.postMessage({ id, text, dark }, '*');
      return await promise;
    } finally {
      clearTimeout(timer);
      window.removeEventListener('message', listen);
    }
  }
}

export const diagrams = new Diagrams();

function openFrame(): Promise<HTMLIFrameElement> {
  const frame = document.createElement('iframe');
  frame.setAttribute('sandbox', 'allow-scripts');
  frame.src = FRAME;
  frame.tabIndex = -1;
  frame.setAttribute('aria-hidden', 'true');
  frame.title = 'Diagrams';
  // Text can be measured only in a frame that is laid out, so it lies out of sight rather than hidden.
  frame.style.cssText =
    'position:fixed;inset-inline-start:-3000px;width:1200px;height:800px;border:0;visibility:hidden';
  const { promise, resolve } = Promise.withResolvers<HTMLIFrameElement>();
  frame.addEventListener('load', () => resolve(frame), { once: true });
  document.body.append(frame);
  return promise;
}

type Answer = { id: number; svg?: unknown; width?: unknown; height?: unknown };

function isAnswer(data: unknown): data is Answer {
  return typeof data === 'object' && data !== null && 'id' in data;
}

function drawingOf({ svg, width, height }: Answer): Drawing | null {
  if (typeof svg !== 'string' || svg.length > MOST_SVG_CHARACTERS) return null;
  if (typeof width !== 'number' || typeof height !== 'number' || !(width > 0 && height > 0)) return null;
  return { address: URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' })), width, height };
}
