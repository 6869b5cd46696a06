// Runs in a frame of its own with an opaque origin: no storage, no network, nobody's data. It is told the source of a
// diagram and answers with the drawing as text; the page shows that as an image, in which nothing can run or load.
/* global mermaid */

const SETTINGS = {
  startOnLoad: false,
  securityLevel: 'strict',
  htmlLabels: false,
  flowchart: { htmlLabels: false },
  fontFamily: 'Inter, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", system-ui, sans-serif',
  suppressErrorRendering: true,
  maxTextSize: 20_000,
  maxEdges: 300,
  // What a diagram may not change by its own directives.
  secure: [
    'secure',
    'securityLevel',
    'startOnLoad',
    'maxTextSize',
    'maxEdges',
    'suppressErrorRendering',
    'htmlLabels',
    'flowchart',
    'fontFamily',
    'themeCSS',
    'themeVariables',
    'theme',
  ],
};

// The tokens of the page, which its style sheet keeps: a frame of another origin can't read them.
const LIGHT = { surface: '#ffffff', sunk: '#f1eee7', ink: '#1c1f1e', border: '#85807a', line: '#646b68' };
const DARK = { surface: '#1c201f', sunk: '#101312', ink: '#eceae4', border: '#747c78', line: '#959c98' };

function look(dark) {
  const { surface, sunk, ink, border, line } = dark ? DARK : LIGHT;
  return {
    theme: 'base',
    themeVariables: {
      darkMode: dark,
      background: surface,
      primaryColor: surface,
      primaryTextColor: ink,
      primaryBorderColor: border,
      secondaryColor: sunk,
      tertiaryColor: sunk,
      lineColor: line,
      textColor: ink,
      edgeLabelBackground: surface,
      useGradient: false,
      dropShadow: 'none',
    },
  };
}

window.addEventListener('message', async ({ data, source }) => {
  if (source !== window.parent) return;
  const { id, text, dark } = data;
  try {
    mermaid.initialize({ ...SETTINGS, ...look(dark) });
    const { svg } = await mermaid.render(`diagram-${id}`, text);
    window.parent.postMessage({ id, ...sized(svg) }, '*');
  } catch (error) {
    window.parent.postMessage({ id, error: String(error) }, '*');
  }
  document.body.replaceChildren();
});

/** The drawing with a size of its own, which an image needs. */
function sized(svg) {
  const root = new DOMParser().parseFromString(svg, 'text/html').querySelector('svg');
  const { width, height } = root.viewBox.baseVal;
  root.setAttribute('width', width);
  root.setAttribute('height', height);
  root.style.maxWidth = '';
  return { svg: new XMLSerializer().serializeToString(root), width, height };
}
