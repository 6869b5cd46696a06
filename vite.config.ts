import { readdirSync, readFileSync } from 'node:fs';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type Plugin } from 'vite';

// The frame that draws diagrams is a document of its own, with a policy of its own at a place of its own.
const diagramFrame: Plugin = {
  name: 'diagram-frame',
  apply: 'build',
  generateBundle() {
    for (const [name, file] of [
      ['frame.html', 'renderer/diagram/frame.html'],
      ['frame.js', 'renderer/diagram/frame.js'],
      ['mermaid.js', 'node_modules/mermaid/dist/mermaid.min.js'],
    ] as const) {
      const source = readFileSync(new URL(file, import.meta.url));
      this.emitFile({ type: 'asset', fileName: `diagram/${name}`, source });
    }
  },
};

// What pdf.js fetches when a page needs it: character maps, the fonts that every PDF may name, decoders without WebAssembly.
const pdfParts: Plugin = {
  name: 'pdf-parts',
  apply: 'build',
  generateBundle() {
    for (const [folder, from, wanted] of [
      ['cmaps', 'cmaps', /\.bcmap$/],
      ['fonts', 'standard_fonts', /\.(pfb|ttf)$/],
      ['decoders', 'wasm', /_nowasm_fallback\.js$/],
    ] as const) {
      const place = new URL(`node_modules/pdfjs-dist/${from}/`, import.meta.url);
      for (const name of readdirSync(place).filter((file) => wanted.test(file)))
        this.emitFile({ type: 'asset', fileName: `pdf/${folder}/${name}`, source: readFileSync(new URL(name, place)) });
    }
  },
};

// The page may load only files of its own origin (the shells send that policy), so nothing is inlined.
export default defineConfig({
  root: 'renderer',
  base: './',
  envDir: false,
  publicDir: false,
  plugins: [svelte(), diagramFrame, pdfParts],
  build: {
    outDir: '../out/renderer',
    emptyOutDir: true,
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 4000,
  },
});
