import { settings as schema, type Settings } from '../../contract/system.ts';
import type { Store } from '../store/open.ts';

/** The settings as they stand. One that an older or newer app wrote and this one cannot read counts as not set. */
export function readSettings(store: Store): Settings {
  const kept: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(store.settings.all())) {
    const field = schema.shape[key as keyof Settings];
    if (field?.safeParse(value).success === true) kept[key] = value;
  }
  return schema.parse(kept);
}
