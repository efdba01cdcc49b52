-- SPDX-License-Identifier: 0BSD
local extract = require "mahatta.extract"
local html = require "mahatta.html"
local kinds = require "mahatta.kinds"

describe("kinds", function ()
  it("tells the media type by the name's ending", function ()
    assert.equal("text/html", kinds.type("a/b/page.HTML"))
    assert.equal("application/pdf", kinds.type("x.tar.pdf"))
    assert.equal("application/octet-stream", kinds.type("Makefile"))
    assert.equal("application/octet-stream", kinds.type("a.pdf/plain"))
    assert.equal("application/octet-stream", kinds.type(".pdf"))
    assert.equal("application/octet-stream", kinds.type(""))
  end)

  it("knows what people edit and what stands for itself", function ()
    assert.is_true(kinds.edited("text/csv"))
    assert.is_true(kinds.edited("application/json"))
    assert.is_false(kinds.edited("application/pdf"))
    assert.is_true(kinds.document("application/pdf"))
    assert.is_true(kinds.document("video/mp4"))
    assert.is_false(kinds.document("image/png"))
    assert.is_false(kinds.document("text/css"))
  end)
end)

local function tokens(s)
  local list = {}
  for kind, value, attrs in html.tokens(s) do
    local a = {}
    for name, v in pairs(attrs or {}) do a[#a + 1] = name .. "=" .. v end
    table.sort(a)
    list[#list + 1] = kind .. ":" .. value .. "|" .. table.concat(a, ",")
  end
  return list
end

describe("html", function ()
  it("reads tags, attributes, text", function ()
    assert.same({ "open:p|a=1,b=x y,c=", "text:A&B|", "close:p|" },
      tokens("<P a=1 B='x y' c>A&amp;B</p >"))
    assert.same({ "open:img|alt=<>,src=a\"b" },
      tokens("<img src='a\"b' alt='&lt;>' src=second />"))
    assert.same({ "text:1 |", "text:<|", "text: 2|" }, tokens("1 < 2"))
  end)

  it("leaves out comments and declarations, keeps CDATA", function ()
    assert.same({ "text:a|", "text:b|", "text:<c>|" },
      tokens("<!DOCTYPE html>a<!-- <b> -- > -->b<![CDATA[<c>]]><?x y?>"))
  end)

  it("takes raw elements as text", function ()
    assert.same({ "open:script|", "text:if (a<b) '</p>'|", "close:script|" },
      tokens("<script>if (a<b) '</p>'</SCRIPT >"))
    assert.same({ "open:title|", "text:a <b> & c|", "close:title|" },
      tokens("<title>a <b> &amp; c</title>"))
  end)

  it("decodes entities, and no more than once", function ()
    assert.equal("é<&lt; ا ا",
      html.unescape("&eacute;&lt;&amp;lt; &#1575; &#x627;"))
    assert.equal("\u{FFFD}\u{FFFD}\u{FFFD}",
      html.unescape("&#xD800;&#0;&#x7FFFFFFFFFFFF;"))
    assert.equal("&nonsense; &copy=1", html.unescape("&nonsense; &copy=1"))
  end)

  it("finds title, language and words", function ()
    local page = html.read([[<html lang="ckb"><head><title> سڵاو
      &amp; hi</title><style>p{x:y}</style></head><body><nav>menu</nav>
      <h1>Head</h1><p>one <b>two</b>three<br>four</p><script>bad()</script>
      <ul><li>five<li>six</ul></body></html>]], 1000)
    assert.equal("سڵاو & hi", page.title)
    assert.equal("Head", page.heading)
    assert.equal("ckb", page.lang)
    assert.equal("Head\none twothree\nfour\nfive\nsix", page.text)
  end)

  it("reads on when an unread element is never closed", function ()
    assert.equal("a\nb", html.read("<p>a<nav>b", 100).text)
  end)

  it("is linear in titles and styles, too", function ()
    local began = os.clock()
    for _, unit in ipairs({ "/* ", "/*x", "url(", "url( ", "@import ",
        "@import '", "url" }) do
      html.style_parts(unit:rep(300000))
    end
    html.style_parts("url(" .. (" "):rep(1000000))
    for _, class in ipairs({ " ", "#", "'", "\t " }) do
      local line = "x" .. class:rep(500000) .. "x"
      for _, media in ipairs({ "text/markdown", "text/plain" }) do
        extract.bytes(line, media)
        extract.bytes(class:rep(500000), media)
      end
    end
    assert.is_true(os.clock() - began < 20, "quadratic")
    assert.equal("a # b", extract.bytes("## a # b ## \n", "text/markdown")
      .title)
    assert.equal("a  b", extract.bytes("\n   a  b\t\n c", "text/plain").title)
  end)

  it("is linear whatever comes", function ()
    local started = os.clock()
    for _, part in ipairs({ "<", "<a ", "<!--", "</", "<a b='", "&", "&#",
        "<![CDATA[", "<script>", "</script", "<nav>", "<title>" }) do
      local s = part:rep(100000)
      html.read(s, 40960)
      html.parts(s)
    end
    assert.is_true(os.clock() - started < 10)
  end)

  it("survives a cut at every place", function ()
    local s = "<p a='b' c>x&amp;<!-- d --><script>e</script><![CDATA[f]]></p>"
    for n = 0, #s do
      assert.is_table(html.read(s:sub(1, n), 100))
      assert.is_table(html.parts(s:sub(1, n)))
    end
  end)

  it("lists what a page shows", function ()
    assert.same({ "a.css", "b.png", "c.png", "d.png", "e.js", "f.mp4" },
      html.parts([[<link rel="stylesheet" href="a.css"><a href="no.html">
      <img src="b.png" srcset="c.png 1x, d.png 2x"><script src=e.js></script>
      <video><source src="f.mp4"></video><link rel=next href=no.html>]]))
    assert.same({ "e.png" }, html.style_parts("a{b:url(e.png)} /* url(no)"))
    assert.same({}, html.style_parts("url(" .. ("x"):rep(5000) .. ")"))
    assert.same({ "a b.png", "c.png", "d.css" }, html.style_parts(
      "a{b:url( 'a b.png' )} /* url(no) */ c{d:url(c.png)} @import 'd.css';"))
  end)
end)

describe("extract", function ()
  it("reads windows-1256 and UTF-16, as old disks hold them", function ()
    local encoding = require "mahatta.encoding"
    assert.equal("قوانين نيوتن للحركة", encoding.utf8(
      "\xDE\xE6\xC7\xE4\xED\xE4 \xE4\xED\xE6\xCA\xE4 \xE1\xE1\xCD\xD1\xDF\xC9"))
    assert.equal("سلام A", encoding.utf8(
      "\xFF\xFE\x33\x06\x44\x06\x27\x06\x45\x06\x20\x00\x41\x00"))
    -- A stray byte in UTF-8 does not make it another encoding.
    local text = ("نص طويل "):rep(20)
    assert.equal(text .. "z", encoding.utf8(text .. "\xFFz"))
    assert.equal("abc", encoding.utf8("\xEF\xBB\xBFabc"))
    local found = extract.bytes("\xDE\xE6\xC7\xE4\xED\xE4 \xE4\xED\xE6"
      .. "\xCA\xE4 \xE1\xE1\xCD\xD1\xDF\xC9\n", "text/plain")
    assert.equal("قوانين نيوتن للحركة", found.title)
  end)

  it("cuts whole characters", function ()
    assert.equal("aب", extract.cut("aبب", 4))
    assert.equal("aبب", extract.cut("aبب", 5))
    assert.equal("", extract.cut("ب", 1))
  end)

  it("bounds title and text", function ()
    local found = extract.bytes("<title>" .. ("ب"):rep(1000) .. "</title>"
      .. ("<p>كلمة</p>"):rep(20000), "text/html")
    assert.is_true(#found.title <= extract.TITLE_MAX)
    assert.is_true(#found.text <= extract.TEXT_MAX)
    assert.is_true(#found.text > extract.TEXT_MAX - 100)
    assert.is_truthy(utf8.len(found.text))
    assert.is_truthy(utf8.len(found.title))
  end)

  it("reads plain text, Markdown, tables, JSON", function ()
    assert.equal("First", extract.bytes("\n First \nmore", "text/plain").title)
    local md = extract.bytes("---\ntitle: T\nlang: ar\n---\n# H\nx",
      "text/markdown")
    assert.same({ "T", "ar" }, { md.title, md.lang })
    assert.equal("H", extract.bytes("x\n# H\ny", "text/markdown").title)
    assert.equal("a,b\nc,d\n",
      extract.bytes('"a","b"\r\nc,d\n', "text/csv").text)
    local package = extract.bytes([[{"name":"n","title":"T","keywords":["k",1],
      "description":"D","licenses":[{"name":"CC0-1.0"}],
      "sources":[{"path":"http://x"}]}]], "application/json")
    assert.same({ title = "T", text = "D", license = "CC0-1.0",
      source = "http://x", tags = { "k" } }, package)
    assert.same({}, extract.bytes("{broken", "application/json"))
    assert.same({}, extract.bytes("[1,[2]]", "application/json"))
    assert.same({}, extract.bytes("\0\1\2", "image/png"))
  end)

  it("takes only plausible language tags", function ()
    local function lang(tag)
      return extract.bytes(("<p lang=%q>x"):format(tag), "text/html").lang
    end
    assert.equal("ar-IQ", lang("ar-IQ"))
    assert.equal("ckb", lang("ckb"))
    assert.is_nil(lang("العربية"))
    assert.is_nil(lang("x y"))
  end)
end)
