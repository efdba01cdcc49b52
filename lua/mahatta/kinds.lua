-- SPDX-License-Identifier: 0BSD
-- Kinds of files: media types by the name's ending, which of them people
-- write and read as documents, and which they edit again and again.

local ENDINGS = [[
  txt  text/plain              text text/plain     log  text/plain
  md   text/markdown           markdown text/markdown
  html text/html               htm  text/html      xhtml application/xhtml+xml
  css  text/css                csv  text/csv
  tsv  text/tab-separated-values
  ics  text/calendar           vcf  text/vcard     srt  application/x-subrip
  vtt  text/vtt                lua  text/x-lua     py   text/x-python
  c    text/x-c                h    text/x-c       tex  text/x-tex
  js   text/javascript         mjs  text/javascript
  json application/json        jsonl application/jsonl
  geojson application/geo+json jsonld application/ld+json
  xml  application/xml         yaml application/yaml  yml application/yaml
  toml application/toml        sql  application/sql   mbox application/mbox
  eml  message/rfc822          pdf  application/pdf   ps application/postscript
  rtf  application/rtf         epub application/epub+zip
  doc  application/msword      xls  application/vnd.ms-excel
  ppt  application/vnd.ms-powerpoint
  docx application/vnd.openxmlformats-officedocument.wordprocessingml.document
  xlsx application/vnd.openxmlformats-officedocument.spreadsheetml.sheet
  pptx application/vnd.openxmlformats-officedocument.presentationml.presentation
  odt  application/vnd.oasis.opendocument.text
  ods  application/vnd.oasis.opendocument.spreadsheet
  odp  application/vnd.oasis.opendocument.presentation
  png  image/png    jpg  image/jpeg   jpeg image/jpeg   gif  image/gif
  webp image/webp   avif image/avif   svg  image/svg+xml  bmp image/bmp
  ico  image/x-icon tif  image/tiff   tiff image/tiff   xpm  image/x-xpixmap
  mp3  audio/mpeg   ogg  audio/ogg    opus audio/opus   oga  audio/ogg
  m4a  audio/mp4    wav  audio/wav    flac audio/flac   mid  audio/midi
  mp4  video/mp4    m4v  video/mp4    webm video/webm   ogv  video/ogg
  mkv  video/x-matroska  mov video/quicktime  avi video/x-msvideo
  3gp  video/3gpp
  woff font/woff    woff2 font/woff2  ttf  font/ttf     otf  font/otf
  zip  application/zip     gz  application/gzip   zst application/zstd
  xz   application/x-xz    bz2 application/x-bzip2 tar application/x-tar
  7z   application/x-7z-compressed  rar application/vnd.rar
  zim  application/x-zim   sqlite application/vnd.sqlite3
  db   application/vnd.sqlite3     parquet application/vnd.apache.parquet
  car  application/vnd.ipld.car    apk application/vnd.android.package-archive
  wasm application/wasm    bin application/octet-stream
]]

local BY_ENDING = {}
for ending, media in ENDINGS:gmatch("(%S+)%s+(%S+/%S+)") do
  BY_ENDING[ending] = media
end

-- Parts that belong to a page rather than stand for themselves.
local PARTS = {
  ["text/css"] = true, ["text/javascript"] = true, ["image/x-icon"] = true,
  ["application/octet-stream"] = true, ["text/x-c"] = true,
  ["application/wasm"] = true,
}

local EDITED = {
  ["application/json"] = true, ["application/jsonl"] = true,
  ["application/geo+json"] = true, ["application/ld+json"] = true,
  ["application/xml"] = true, ["application/xhtml+xml"] = true,
  ["application/yaml"] = true, ["application/toml"] = true,
  ["application/sql"] = true, ["application/mbox"] = true,
  ["application/x-tar"] = true, ["message/rfc822"] = true,
  ["image/svg+xml"] = true,
}

local kinds = {}

-- Media type by the name's ending; "application/octet-stream" when unknown.
function kinds.type(name)
  local ending = name:match("[^/]%.(%w+)$")
  return ending and BY_ENDING[ending:lower()] or "application/octet-stream"
end

-- Kinds that people edit: a new edition shares most bytes with the old one,
-- so large ones are cut by content.
function kinds.edited(media)
  return EDITED[media] or media:find("^text/") ~= nil
end

-- Kinds that are published by themselves; the others (pictures, styles,
-- fonts) are parts of something.
function kinds.document(media)
  return not PARTS[media] and not media:find("^image/")
    and not media:find("^font/")
end

return kinds
