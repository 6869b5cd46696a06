#!/bin/sh
# Makes the documents of test/golden/data/documents and what other programs read in them.
# Needs Debian's poppler-utils, pandoc, libreoffice-{writer,calc,impress}-nogui, fonts-noto-cjk, qpdf, python3-reportlab:
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
python3 "$here/form.py" "$data/pdf/form.pdf"
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

# XLSX of separated values, one of them with dates and two sheets; PPTX by pandoc, saved again by LibreOffice.
office --convert-to xlsx --outdir "$data/office" "$texts/figures.csv"
office --convert-to xlsx:"Calc MS Excel 2007 XML" --outdir "$data/office" "$here/stock.fods"
office --convert-to "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1" --outdir "$tmp" "$data/office/stock.xlsx"
cat "$tmp"/stock-*.csv > "$data/office/stock.xlsx.reference.txt"
pandoc -o "$data/office/talk.pptx" "$here/talk.md"
pandoc -s --wrap=none -t plain -o "$data/office/talk.reference.txt" "$here/talk.md"
office --convert-to pptx --outdir "$tmp" "$data/office/talk.pptx"
mv "$tmp/talk.pptx" "$data/office/talk-saved.pptx"
python3 "$here/slides.py" "$here/../../../../resources/alice.txt" > "$tmp/readings.md"
pandoc -o "$data/office/readings.pptx" "$tmp/readings.md"
office --convert-to pdf --outdir "$tmp" "$data/office/readings.pptx"
pdftotext "$tmp/readings.pdf" "$data/office/readings.reference.txt"

# HTML and EPUB by pandoc, of the report in English and in Chinese.
mkdir -p "$data/web"
for name in report-en report-zh; do
  title=$([ $name = report-zh ] && echo 青石镇图书馆年度报告 || echo "Annual report")
  pandoc -s -t html --metadata title="$title" -o "$data/web/$name.html" "$data/office/$name.odt"
  pandoc --wrap=none -t plain -o "$data/web/$name.reference.txt" "$data/web/$name.html"
  pandoc --epub-chapter-level=2 --metadata title="$title" -o "$data/web/$name.epub" "$data/office/$name.odt"
  pandoc --wrap=none -t plain -o "$data/web/$name.epub.reference.txt" "$data/web/$name.epub"
done
iconv -f UTF-8 -t GB18030 "$data/web/report-zh.html" | sed 's/utf-8/gb18030/' > "$data/web/report-gb.html"

# A mail with two files, and archives of some of the above.
python3 "$here/mail.py" "$data" > "$data/web/mail.eml"

# Scans: the first page of the two reports as pictures, in a PDF that has nothing else, and one as a plain picture.
mkdir -p "$data/scans"
office --convert-to pdf --outdir "$tmp" "$data/office/report-en.odt"
cp "$data/pdf/report-zh.pdf" "$tmp/report-zh.pdf"
for name in report-en report-zh; do
  pdftoppm -jpeg -jpegopt quality=50 -gray -r 150 -f 1 -l 1 "$tmp/$name.pdf" "$tmp/$name"
  python3 "$here/picture_pdf.py" "$tmp/$name"-1.jpg > "$data/scans/$name.pdf"
  pdftotext -f 1 -l 1 "$tmp/$name.pdf" "$data/scans/$name.reference.txt"
done
cp "$tmp/report-zh-1.jpg" "$data/scans/report-zh.jpg"
