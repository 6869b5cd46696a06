/** Endings of names of sources and configuration, which are texts that are read as they stand. */
export const CODE_ENDINGS = new Set(
  'ada asm awk bash bat c cc clj cmake cpp cs css cxx dart diff ex f90 fs go gradle groovy h hpp hs ini java jl js json jsx kt less lisp lua m mjs ml mts pas patch php pl ps1 py r rb rs sass scala scss sh sql svelte swift tcl tex toml ts tsx v vb vue xml yaml yml zig'.split(
    ' ',
  ),
);
