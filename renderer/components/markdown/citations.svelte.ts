import { createContext } from 'svelte';
import type { NumberedCitation } from '../../state/answer-sources.ts';
import type { Documents } from '../../state/documents.svelte.ts';
import type { Place } from '../../state/source-pane.svelte.ts';

/** Where sources are shown that an answer names. */
export type SourceDoor = { documents: Documents; show(place: Place): void };

export const [getSourceDoor, setSourceDoor] = createContext<SourceDoor>();

/** The citations of the answer that is being shown, by their place in its list, for the marks in its text. */
export const [getCitations, setCitations] = createContext<() => readonly NumberedCitation[]>();
