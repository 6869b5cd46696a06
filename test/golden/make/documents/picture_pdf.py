"""Writes a PDF whose only page is a grey JPEG of an A4 page at 150 dots an inch: picture_pdf.py JPEG."""

import struct
import sys

jpeg = open(sys.argv[1], "rb").read()
at = 2
while jpeg[at + 1] not in (0xC0, 0xC1, 0xC2):
    at += 2 + struct.unpack(">H", jpeg[at + 2:at + 4])[0]
height, width = struct.unpack(">HH", jpeg[at + 5:at + 9])
box = [width * 72 / 150, height * 72 / 150]
draw = f"q {box[0]} 0 0 {box[1]} 0 0 cm /P Do Q".encode()
objects = [
    b"<< /Type /Catalog /Pages 2 0 R >>",
    b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {box[0]} {box[1]}] /Contents 4 0 R /Resources << /XObject << /P 5 0 R >> >> >>".encode(),
    b"<< /Length %d >>\nstream\n%s\nendstream" % (len(draw), draw),
    b"<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /DCTDecode /Length %d >>\n"
    b"stream\n%s\nendstream" % (width, height, len(jpeg), jpeg),
]
out = b"%PDF-1.4\n"
places = []
for number, body in enumerate(objects, 1):
    places.append(len(out))
    out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
start = len(out)
out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + b"".join(b"%010d 00000 n \n" % place for place in places)
out += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
sys.stdout.buffer.write(out)
