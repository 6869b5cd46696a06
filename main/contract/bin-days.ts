// In a file of its own: the page needs this number at its start, and none of the schemas.

/** How long the bin keeps what was deleted. */
export const BIN_DAYS = 30;
