#!/bin/sh
# Makes the documents of test/golden/data/documents and what other programs read in them.
# Needs Debian's poppler-utils, pandoc, libreoffice-{writer,calc,impress}-nogui, fonts-noto-cjk, qpdf:
#   sh test/golden/make/documents/make.sh
# Texts that they are made of lie in data/documents/texts and in this folder.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
data=$here/../../data/documents
texts=$data/texts
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export HOME="$tmp"
office() { soffice --headless --norestore "$@" >/dev/null 2>&1; }

# PDF: two columns with headers, footers and hyphenation in English; a letter in Chinese; vertical writing.
mkdir -p "$data/pdf"
python3 "$here/flat_odt.py" "$texts" "$tmp"
for name in columns report-zh vertical; do
  office --convert-to pdf --outdir "$data/pdf" "$tmp/$name.fodt"
  pdftotext "$data/pdf/$name.pdf" "$data/pdf/$name.reference.txt"
done
pdftotext -l 3 -bbox "$data/pdf/columns.pdf" "$data/pdf/columns.bbox.html"
pdftotext -bbox "$data/pdf/report-zh.pdf" "$data/pdf/report-zh.bbox.html"
qpdf --encrypt reader owner 256 -- "$data/pdf/report-zh.pdf" "$data/pdf/locked.pdf"

# DOCX and ODT, with what LibreOffice and pandoc read in them; one DOCX is pandoc's own.
mkdir -p "$data/office"
for name in report-en report-zh; do
  for kind in docx odt; do
    office --convert-to $kind --outdir "$data/office" "$tmp/$name.fodt"
    office --convert-to txt:Text:UTF8 --outdir "$tmp" "$data/office/$name.$kind"
    mv "$tmp/$name.txt" "$data/office/$name.$kind.reference.txt"
    pandoc --wrap=none -t plain -o "$data/office/$name.$kind.pandoc.txt" "$data/office/$name.$kind"
  done
done
pandoc -f odt -o "$data/office/pandoc.docx" "$data/office/report-en.odt"
pandoc --wrap=none -t plain -o "$data/office/pandoc.docx.pandoc.txt" "$data/office/pandoc.docx"
