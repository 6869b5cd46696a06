import { foldTag, tagsIn, unlikeTags } from '../../main/contract/tags.ts';

/** The tags of a document while they are chosen: those it carries, those that others carry, and new ones. */
export class TagChoice {
  chosen = $state.raw<readonly string[]>([]);
  /** What is being typed. */
  text = $state('');
  /** All that can be pressed. */
  offered = $state.raw<readonly string[]>([]);

  constructor(carried: readonly string[], known: readonly string[]) {
    this.chosen = carried;
    this.offered = known;
  }

  toggle = (tag: string): void => {
    const isChosen = this.chosen.includes(tag);
    this.chosen = isChosen ? this.chosen.filter((one) => one !== tag) : [...this.chosen, tag];
  };

  /** Chooses what was typed; what is there already in another case is taken as it is there. */
  add = (): void => {
    const typed = tagsIn(this.text).map((tag) => this.offered.find((one) => foldTag(one) === foldTag(tag)) ?? tag);
    this.offered = [...new Set([...this.offered, ...typed])];
    this.chosen = unlikeTags([...this.chosen, ...typed]);
    this.text = '';
  };
}
