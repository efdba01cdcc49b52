---@meta mahatta
-- meta.lua's part on search: queries, hits, counts, and text of files. Nothing
-- here runs.

---@class mahatta.Station
local Station = {}

---@class mahatta.Hit
---@field id string
---@field title string in the language asked for, else the first there is
---@field snippet string best window of the text, found words between the marks
---@field score number greater is better
---@field collection string
---@field author string
---@field time integer
---@field type string
---@field lang? string language of the title shown
---@field why? mahatta.Why with explain

---Why a hit stands where it does: a list of the query's words and what each
---gave; the rest are what followed one another as in the query, and factors
---for what is new, held by many, labelled by somebody trusted.
---@class mahatta.Why
---@field [integer] { word: string, part: number }
---@field beside number
---@field newer number
---@field held number
---@field labels number

---A list of hits.
---@class mahatta.Hits
---@field [integer] mahatta.Hit
---@field meant? string the query spelled as the index knows its words
---@field next? string a cursor: where to go on

---How many records match, by what they are. Up to 300 are counted one by one,
---as they would be shown; of more, versions that a later one replaced count
---too, and texts that hold the words of a phrase elsewhere.
---@class mahatta.Tally
---@field total integer
---@field file integer with files
---@field author table<string, integer>
---@field collection table<string, integer>
---@field lang table<string, integer>
---@field type table<string, integer>
---@field year table<string, integer> "2024" and the like, UTC

---@class mahatta.SearchOptions
---@field collection? string only there (a name)
---@field type? string
---@field lang? string title and snippet in this language when there
---@field limit? integer default 10, at most 1000
---@field offset? integer
---@field mark? string[] before and after a found word; default "«", "»"
---@field cursor? string go on where a list's `next` says
---@field trust? string[] authors (dids) whose labels count: "hide", "spam",
---"abuse", "malware" hide; "lower", "wrong", "outdated", "duplicate" push down
---@field explain? boolean tell of each hit why it stands there

---Search titles, texts and tags. Any text is a query: words, of which more and
---rarer ones rank higher; "phrases"; -not; lang: type: author: collection:
---before: after: has:file; OR. Raises when the store fails.
---@param query string
---@param options? mahatta.SearchOptions
---@return fun(): mahatta.Hit?
function Station:search(query, options) end

---The list behind search, and what it tells besides its hits.
---@param query string
---@param options? mahatta.SearchOptions
---@return mahatta.Hits? hits
---@return string? message
---@return mahatta.Code? code
function Station:find(query, options) end

---Count what matches, by author, collection, language, type and year.
---@param query string
---@param options? { collection?: string, type?: string }
---@return mahatta.Tally? tally
---@return string? message
---@return mahatta.Code? code
function Station:tally(query, options) end

---What a person may be about to type: ${text} with its last word completed,
---the most frequent first.
---@param text string
---@param options? { limit?: integer }
---@return string[]? texts
---@return string? message
---@return mahatta.Code? code
function Station:suggest(text, options) end

---Put records into the search index that were published with index =
---"later". Result: { records }.
---@return mahatta.Job? job
function Station:index() end

---Read the files of records, mostly of those that came from elsewhere: from
---then on search finds the records by what is in them, and shows it. Takes
---its time in small steps, so that a host does it beside other work; PDF and
---what office programs write are read by programs of the system, each in a
---process of its own within bounds of time and memory. What isn't here yet is
---looked at again by the next such job. `once`: one round of at most `limit`
---records (default 256), the newest first. Result: { records, files, waiting }:
---records told, files that held text, records that wait for a file or for a
---program that reads it.
---@param options? { once?: boolean, limit?: integer }
---@return mahatta.Job job
function Station:index_files(options) end

---The list behind index_files: ids of records whose files are to be read, the
---newest first, at most `limit` (2 .. 1000, default 256). Each call looks at
---the newest, and goes on through the rest where the last one stopped.
---@param options? { limit?: integer }
---@return string[]? ids
---@return boolean|string|nil more false: this was the rest (or the message)
---@return mahatta.Code? code
function Station:unread(options) end

---What was read out of files, of at most 64 records at once: `text` (up to 64
---KiB of UTF-8; all of it, not what is new), `files` (bit i - 1: the i-th need
---not be read again), `done`: nor any. It goes when the record goes.
---@param list { id: string, text?: string, files?: integer, done?: boolean }[]
---@return integer? told how many of them are records here that have files
---@return string? message
---@return mahatta.Code? code
function Station:put_texts(list) end

---What put_texts told of a record; nil, message, "ENOENT" when nothing was.
---@param id mahatta.Link|string
---@return string? text
---@return integer|string files (or the message)
---@return mahatta.Code? code
function Station:file_text(id) end
