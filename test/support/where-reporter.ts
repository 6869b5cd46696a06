import type { FullConfig, Reporter, Suite } from '@playwright/test/reporter';
import { findElectron } from '../../scripts/electron.ts';

const PLACES: Record<string, string> = {
  browser: 'the browser shell',
  'stand-in': 'the stand-in for Electron (its bundles in Node and Chromium)',
  electron: 'Electron',
};

/** Says in one line where the tests ran, and why not in Electron itself where its binary is absent. */
export default class WhereReporter implements Reporter {
  #line = '';

  onBegin(_config: FullConfig, suite: Suite): void {
    const ran = suite.suites.map((project) => {
      const count = project.allTests().length;
      return `${count} ${count === 1 ? 'test' : 'tests'} in ${PLACES[project.title] ?? project.title}`;
    });
    const electron = findElectron();
    const skipped = 'reason' in electron ? `; none in Electron itself: ${electron.reason}` : ` (${electron.path})`;
    this.#line = `Where: ${ran.join(', ')}${skipped}.`;
  }

  onEnd(): void {
    console.log(`\n${this.#line}`);
  }

  printsToStdio(): boolean {
    return false;
  }
}
