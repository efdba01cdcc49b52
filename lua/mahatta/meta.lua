---@meta mahatta
-- Types and documentation of every function of mahatta, for the Lua language
-- server and for people. Nothing here runs. Manners that hold everywhere:
--  * Failures of the world return nil, message, code; the code is one of
--    mahatta.Code. Misuse raises "bad argument #n ...".
--  * Options are one table; unknown keys raise.
--  * Handles have close, __close, __gc and __tostring; a closed one raises
--    "attempt to use a closed ...". Jobs and readers live on after their
--    station's variable is collected; closing the station ends them.
--  * Ids are text: a CIDv1 in base32, "bafyrei...". Text that is none raises
--    (mahatta.link tells for strings from elsewhere). Times are integers,
--    seconds since 1970, UTC. Sizes are bytes.
--  * Paths hold no zero byte. Nothing is written but where it says so.

---@alias mahatta.Code
---| "ENOMEM" | "EIO" | "EFULL" | "ECORRUPT" | "EINVALID" | "ELIMIT"
---| "ENOENT" | "EEXIST" | "EBUSY" | "EACCES" | "EMISUSE" | "ESIG"
---| "EHASH" | "EREADONLY" | "ECLOSED" | "EPOLICY" | "EQUOTA"

---A value of the data model: nil is not one (use mahatta.null). Lua integers
---are CBOR integers within +-(2^53 - 1); floats are refused. Strings must be
---UTF-8; other bytes go through mahatta.bytes. A table with keys 1 .. n is a
---list, one with string keys a map; an empty table is a list unless
---mahatta.map made it.
---@alias mahatta.Value boolean|integer|string|table|mahatta.Link|mahatta.Bytes|userdata

---@class mahatta
---@field _VERSION string "mahatta 0.1.0"
---@field null userdata the data model's null (a light userdata)
local mahatta = {}

---A link to a block: what a CID is inside a record. tostring gives the text;
---== compares by value.
---@class mahatta.Link
local Link = {}

---A byte string of the data model (CBOR major type 2). tostring gives the raw
---bytes; # their number.
---@class mahatta.Bytes
local Bytes = {}

---@class mahatta.OpenOptions
---@field create? boolean make a store and a key when missing; default true
---@field readonly? boolean never write, take no lock; default false
---@field key? string path of the key file; default path .. ".key"
---@field passphrase? string of the key file
---@field clock? fun(): integer seconds since 1970; default os.time
---@field quotas? mahatta.Quotas what strangers may take of the disk; kept in the station, as by station:quotas()
---@field index? "now"|"later" search index at once, or (after the first parcel) by station:index()

---Open the station at ${path}. Another process that has it open for writing
---gives EBUSY with its pid: open it with readonly = true then.
---@param path string
---@param options? mahatta.OpenOptions
---@return mahatta.Station? station
---@return string? message
---@return mahatta.Code? code
function mahatta.open(path, options) end

---Encode a value as strict DAG-CBOR. Raises for what the data model can't
---hold, naming the place ("field 'a.b[3]': floats are not allowed").
---@param value mahatta.Value
---@return string
function mahatta.encode(value) end

---Decode strict DAG-CBOR. nil, message, "EINVALID" for anything that encode
---would not write. Empty maps come back marked as by mahatta.map.
---@param bytes string
---@return mahatta.Value? value
---@return string? message
---@return mahatta.Code? code
function mahatta.decode(bytes) end

---Make a link from an id's text. nil, message, "EINVALID" for other CIDs.
---@param id string
---@return mahatta.Link? link
---@return string? message
---@return mahatta.Code? code
function mahatta.link(id) end

---The id of some bytes.
---@param bytes string
---@param codec? "raw"|"dag-cbor"|"dag-pb" default "raw"
---@return string id
function mahatta.id(bytes, codec) end

---Mark a string as bytes of the data model.
---@param s string
---@return mahatta.Bytes
function mahatta.bytes(s) end

---Mark a table as a map, so that it is one even when empty. Returns it.
---@param t? table
---@return table
function mahatta.map(t) end

---Escape a foreign string for people's eyes: control, bidi and zero-width
---characters that could hide something become \u{...}, bytes that are no UTF-8
---\x{...}; the rest is wrapped in first-strong isolates. Joiners stay where
---Arabic, Kurdish and Persian text or emoji need them, direction marks inside
---the isolates where there is right-to-left text (elsewhere they are left
---out). ${plain} leaves the isolates out, for file names and logs: then all
---direction marks are escaped.
---@param s string
---@param plain? boolean
---@return string
function mahatta.display(s, plain) end

---Turn "8G", "10M", "64k" or an integer into bytes (1024-based). nil, message,
---"EINVALID" when it is no size.
---@param size string|integer
---@return integer? bytes
---@return string? message
---@return mahatta.Code? code
function mahatta.size(size) end

---A file of a record to publish: either ${path} (it is read and stored) or
---${data} with ${size} (its blocks are here, or will come).
---@class mahatta.FileSpec
---@field path? string
---@field name? string relative path with "/"; default the path's last part
---@field type? string media type; default by the name's ending
---@field size? integer
---@field data? mahatta.Link
---@field sha256? mahatta.Bytes

---What is published. Keys that are not listed are the application's own.
---@class mahatta.Record
---@field type string
---@field title? string|table<string, string> text, or language -> text
---@field text? string|table<string, string>
---@field lang? string BCP 47
---@field tags? string[]
---@field license? string SPDX identifier
---@field files? mahatta.FileSpec[]
---@field key? string same key, same author: a new version of the same thing
---@field about? mahatta.Link|string
---@field source? string
---@field created? string

---A published record as it is given back.
---@class mahatta.Entry
---@field id string
---@field record mahatta.Record
---@field collection string
---@field author string "did:key:z6Mk..."
---@field time integer as its author claims
---@field parcel string id of the parcel that lists it

---@class mahatta.Station
local Station = {}

---Close it; idempotent. Jobs of it end with ECLOSED.
function Station:close() end

---This station's name: its Ed25519 key as "did:key:z6Mk...".
---@return string did
function Station:id() end

---@return string path
function Station:path() end

---Publish one record. Files named by path are read and stored first. A new
---version of a key is dated after the one it replaces, if need be by a second
---in the future, unless options.time says otherwise.
---@param collection string
---@param record mahatta.Record
---@param options? { time?: integer }
---@return string? id
---@return string? message
---@return mahatta.Code? code
function Station:publish(collection, record, options) end

---Publish all records that ${records} yields: an iterator function, or a list.
---Packs up to 512 a parcel, each parcel durable before the next is begun. The
---iterator may yield. Stops at the first bad record: the ones before it are
---published, and the message says how many. When the iterator raises, so does
---this; full parcels before that stay.
---@param collection string
---@param records (fun(): mahatta.Record?)|mahatta.Record[]
---@param options? { time?: integer, progress?: fun(done: integer) }
---@return integer? count
---@return string? message
---@return mahatta.Code? code
function Station:publish_all(collection, records, options) end

---The handle under publish_all, for loops of one's own.
---@param collection string
---@param options? { time?: integer }
---@return mahatta.Publisher
function Station:publisher(collection, options) end

---@class mahatta.Publisher
local Publisher = {}

---Add one record (files as links, not paths). Commits by itself when the
---parcel is full.
---@param record mahatta.Record
---@return string? id
---@return string? message
---@return mahatta.Code? code
function Publisher:add(record) end

---Sign and store what was added; durable when it returns.
---@return integer? committed records committed by this handle so far
---@return string? message
---@return mahatta.Code? code
function Publisher:commit() end

---Drop what was added and not committed; idempotent.
function Publisher:close() end

---One record by its id; the newest listing when there are several.
---@param id string
---@return mahatta.Entry? entry nil, message, "ENOENT" also when withdrawn: the message names the withdrawal
---@return string? message
---@return mahatta.Code? code
function Station:get(id) end

---The current record with ${key} in a collection, of ${author} (default this
---station).
---@param collection string
---@param key string
---@param author? string
---@return mahatta.Entry? entry
---@return string? message
---@return mahatta.Code? code
function Station:current(collection, key, author) end

---All versions of the thing that ${id} is a version of, newest first; just
---itself when it has no key.
---@param id string
---@param options? { limit?: integer }
---@return mahatta.Entry[]? versions
---@return string? message
---@return mahatta.Code? code
function Station:history(id, options) end

---@class mahatta.ListOptions
---@field type? string
---@field author? string
---@field history? boolean older versions too; default false
---@field limit? integer

---Records of a collection, newest first. A pattern such as "edu/*" or "*"
---merges all that match. It reads page after page and holds nothing open, so
---it may be left at any time; as io.lines does, it raises when the store fails.
---@param collection string
---@param options? mahatta.ListOptions
---@return fun(): mahatta.Entry?
function Station:list(collection, options) end

---One page of a list, for programs that page themselves.
---@param collection string a name, no pattern
---@param options? { limit?: integer, cursor?: string, history?: boolean }
---@return mahatta.Entry[]? page
---@return string? cursor give it back for the next page; nil at the end (or message)
---@return mahatta.Code? code
function Station:page(collection, options) end

---Collections that have parcels here, in the order of their names' bytes: all,
---or at most ${limit} of those after the name ${after}.
---@param options? { after?: string, limit?: integer }
---@return { name: string, parcels: integer }[]
function Station:collections(options) end

---Records about ${id} (labels, corrections, comments), newest first; anybody
---may write them, so programs that serve others ask for a bounded number.
---${author}: only those of this one (a did), whatever others wrote.
---@param id string
---@param options? { limit?: integer, author?: string }
---@return mahatta.Entry[]? entries
---@return string? message
---@return mahatta.Code? code
function Station:about(id, options) end

---Take back what this station published: hides it here and wherever the
---withdrawal arrives, drops its bytes, and old carry files don't bring it
---back. With a key, all its versions go unless only = true.
---@param id string
---@param options? { reason?: string, only?: boolean }
---@return string? id of the withdrawal
---@return string? message
---@return mahatta.Code? code
function Station:withdraw(id, options) end

---Say something about a record: a label such as "unverified", in the record's
---collection unless the options name another.
---@param id string
---@param value string
---@param options? { negated?: boolean, expires?: integer, collection?: string }
---@return string? id
---@return string? message
---@return mahatta.Code? code
function Station:label(id, value, options) end

---Labels in force: the newest of each author and value, not negated, not
---expired. ${limit}: among so many records about it: those of this station, of
---its author and of authors who are vouched for, then the newest of others.
---@param id string
---@param options? { limit?: integer }
---@return { value: string, author: string, time: integer, expires?: integer, id: string }[]?
---@return string? message
---@return mahatta.Code? code
function Station:labels(id, options) end

---Follow a collection ("edu/physics"), all below a prefix ("edu/*"), or
---everything ("*"). ${files}: largest file to fetch: "none", "all" or a size;
---default "all".
---@param pattern string
---@param options? { files?: string|integer }
---@return true?
---@return string? message
---@return mahatta.Code? code
function Station:follow(pattern, options) end

---@param pattern string
---@return true?
---@return string? message
---@return mahatta.Code? code
function Station:unfollow(pattern) end

---@return { pattern: string, files: integer }[] files: math.maxinteger is all
function Station:follows() end

---Store a file's content: durable once a record that lists it is published,
---or the station is closed. The job's result: { link, size, sha256 (bytes),
---sha256_hex, blocks }. ${cut} "auto": by content if ${type} (by default that
---of the name's ending) is one that people edit and the file is over 1 MiB.
---@param path string
---@param options? { cut?: "auto"|"fixed"|"content", type?: string }
---@return mahatta.Job? job
---@return string? message
---@return mahatta.Code? code
function Station:add_file(path, options) end

---Write a file out below the folder ${dir}: under a cleaned name (of ${name}),
---never outside, never over an existing file. Result: { path, size }.
---@param link mahatta.Link|string
---@param dir string
---@param name string
---@return mahatta.Job? job
---@return string? message
---@return mahatta.Code? code
function Station:export_file(link, dir, name) end

---Write all files of a record below the folder ${dir}. Stops at the first that
---fails; the message says how many were written.
---@param id string
---@param dir string
---@param options? { progress?: fun(done: integer, total: integer) }
---@return { path: string, name: string, size: integer }[]?
---@return string? message
---@return mahatta.Code? code
function Station:export(id, dir, options) end

---Read a file's bytes in order, each block verified.
---@param link mahatta.Link|string
---@return mahatta.Reader? reader
---@return string? message
---@return mahatta.Code? code
function Station:reader(link) end

---@class mahatta.Reader
local Reader = {}
---Next bytes: those of a block, at most 1 MiB, or at most ${max}; nil at the
---end; nil, message, code on failure (ENOENT names the block that is missing).
---@param max? integer
---@return string? bytes
---@return string? message
---@return mahatta.Code? code
function Reader:read(max) end
---Go to byte ${offset} (0: the first): what lies before is not loaded.
---nil, message, "EINVALID" beyond the end of the file.
---@param offset integer
---@return true?
---@return string? message
---@return mahatta.Code? code
function Reader:seek(offset) end
---@return integer bytes of the whole file
function Reader:size() end
function Reader:close() end

---The bytes of any block that is here (of a record, a parcel or a file's
---part), hashed against its id. nil, message, "ENOENT" when it isn't.
---@param id mahatta.Link|string
---@return string? bytes
---@return string? message
---@return mahatta.Code? code
function Station:block(id) end

---@class mahatta.SlipOptions
---@field budget? string|integer bytes that the answer may have
---@field files? string|integer largest file wanted, over the follow rules
---@field expect? integer parcels of a collection that may differ; default 512, or a sixteenth of it
---@field exact? boolean name each parcel: larger, and right however many differ
---@field max? string|integer bytes that the slip may have: what doesn't fit is left out

---@class mahatta.SlipReport
---@field bytes integer of the slip
---@field wishes integer patterns and collections that it asks for
---@field parcels integer that it tells
---@field sketches integer collections told by a sketch
---@field left_out integer collections for which there was no room

---Write a slip: what this station has and wants by its follow rules (all, if
---it follows nothing). Replaces an older slip at ${path} atomically, and no
---other file (EEXIST). Signed, so it needs the key file also when the station
---is open for reading only.
---@param path string
---@param options? mahatta.SlipOptions
---@return mahatta.SlipReport?
---@return string? message
---@return mahatta.Code? code
function Station:slip(path, options) end

---The same as text for mahatta.qr. With max = 2858 it fits one code.
---@param options? mahatta.SlipOptions
---@return string? text
---@return mahatta.SlipReport|string|nil report
---@return mahatta.Code? code
function Station:slip_text(options) end

---Lines of at most 140 letters for SMS, one a collection, first those that are
---followed by name or were begun by this station or one vouched for, 16
---at most. Each tells up to 9 differences and is signed by nobody.
---@param options? mahatta.SlipOptions
---@return string? lines
---@return mahatta.SlipReport|string|nil report
---@return mahatta.Code? code
function Station:slip_short(options) end

---What a slip says of itself: a file, the text of a QR code, or short lines;
---"-" is standard input. The signature was checked, unless it is `short`:
---then `station` is the first 12 hex digits of a key that anybody may claim,
---and time and budget are absent.
---@param path string
---@return { station: string, short: boolean, wishes: integer, sketches: integer, time: integer?, budget: integer? }?
---@return string? message
---@return mahatta.Code? code
function mahatta.read_slip(path) end

---Bytes that are free to us where ${path} lies.
---@param path string
---@return integer?
---@return string? message
---@return mahatta.Code? code
function mahatta.space(path) end

---Text as a QR code: lines for a terminal (black on white whatever its
---colours are), or the bytes of a picture. ELIMIT: more than one code holds.
---@param text string
---@param form? "terminal"|"svg"|"png"
---@return string? picture
---@return string? message
---@return mahatta.Code? code
function mahatta.qr(text, form) end

---How many capital letters, digits and " $%*+-./:" a code holds that is at
---most ${columns} wide in a terminal; 0 when none is so narrow.
---@param columns integer
---@return integer letters
function mahatta.qr_room(columns) end

---@class mahatta.Lacks
---@field parcels integer that are here and not there
---@field records integer in them
---@field wanted integer blocks that the slip names and that are here
---@field theirs integer parcels that only the slip's author has, as far as sketches tell
---@field whole integer collections of which the slip says too little: all of their parcels count
---@field sha256 mahatta.Bytes of all that would be packed: the same for the same
---@field sha256_hex string the same, in hex

---What a slip's author lacks of what is here, without packing it. 0 parcels
---and 0 wanted: all has arrived. Result: mahatta.Lacks.
---@param slip string path
---@param options? { collections?: string[] }
---@return mahatta.Job? job
---@return string? message
---@return mahatta.Code? code
function Station:lacks(slip, options) end

---@class mahatta.PackOptions
---@field slip? string path of a slip ("-": standard input): write just what its author lacks
---@field collections? string[] names or patterns; default all
---@field budget? string|integer bytes the file may have; default the slip's
---@field files? string|integer largest file to take; default all
---@field compress? boolean default: does ${path} end in ".zst"
---@field level? integer zstd level, 1 .. 19; default 5

---Write a carry file: .car, or .car.zst in independent frames. It is written
---beside itself, synced, and renamed; an existing file is refused (EEXIST).
---Result: mahatta.Packed.
---@param path string
---@param options? mahatta.PackOptions
---@return mahatta.Job? job
---@return string? message
---@return mahatta.Code? code
function Station:pack(path, options) end

---@class mahatta.Packed
---@field path string
---@field bytes integer of the file
---@field blocks integer
---@field parcels integer
---@field records integer
---@field files integer
---@field left_parcels integer parcels that the budget left out
---@field left_files integer files that the budget left out
---@field lacking? integer with a slip: parcels that its author lacks
---@field theirs? integer with a slip: parcels that only its author has, as far as sketches tell
---@field whole? integer with a slip: collections of which it says too little, packed whole

---Take in a carry file through the one door. The file is only read. Damage
---costs the blocks it hits. Result: mahatta.Report.
---@param path string
---@param options? { collections?: string[], keep?: boolean, way?: string } keep: good file blocks, too, that nothing here lists; way: as its quota is counted, default "file NAME"
---@return mahatta.Job? job
---@return string? message
---@return mahatta.Code? code
function Station:unpack(path, options) end

---@class mahatta.Report
---@field added integer records that are new here
---@field parcels integer parcels that are new here
---@field known integer blocks that were here before
---@field files integer file blocks stored
---@field bytes integer plain bytes stored
---@field withdrawn integer withdrawals that took effect
---@field held integer parcels from the future, kept until their day
---@field refused integer records that the policy refused
---@field full integer parcels, records and file blocks that a quota left no room for (EQUOTA)
---@field unlisted integer good blocks that nothing here asks for
---@field bad integer damaged or forged blocks, dropped
---@field faults string[] the first 20 of them in words
---@field missing integer blocks still missing of what arrived

---@class mahatta.Policy
---"keep", "drop" (this record), "stop" (the whole parcel) or "vouch": keep it,
---and vouch for its author from now on (see Station:vouch); ${from} is
---"carry:PATH" or "session:did:key:...".
---@field admit? fun(entry: mahatta.Entry, from: string): string
---May this peer hear of the collection, and have what is in it? Asked in each
---session of each collection that one of the two follows. (Files go to whoever
---can name them by their id.)
---@field serve? fun(collection: string, peer: string): boolean
---What goes first to this peer: a smaller number. Withdrawals, labels and
---corrections go before all in any case; default 0.
---@field order? fun(collection: string, peer: string): integer

---Policy in Lua; each may yield. nil clears it.
---@param hooks? mahatta.Policy
function Station:policy(hooks) end

---@class mahatta.SessionOptions
---@field initiator? boolean the one that dials; the other end must not be one
---@field quiet? boolean don't tell the peer which collections are here below the prefixes that it follows: only those that it knows by name
---@field level? integer of zstd for what is sent, 1 to 19; default 5
---@field way? string as its quota is counted; default "peer DID"

---A session with another station, over any transport: bytes go in by feed and
---come out of pull. Many may be open at once on one station.
---@param options? mahatta.SessionOptions
---@return mahatta.Session? session nil, message, "EBUSY" while the station is rebuilt
---@return string? message
---@return mahatta.Code? code
function Station:session(options) end

---@class mahatta.Session
local Session = {}

---Take bytes of the peer, all of them; what came is checked and stored on the
---way (so feed pieces of up to 64 KiB), and the policy is asked, which may
---yield. nil, message, code once the session has failed: what came before
---stays, the next session goes on from there. A policy that raises raises
---here, one that answers nonsense, too; all bytes are taken nevertheless: feed
---again (if need be, "") to ask it again. While it waits in a coroutine,
---nothing can be fed, unless that coroutine was closed or collected.
---@param bytes string
---@return true?
---@return string? message
---@return mahatta.Code? code
function Session:feed(bytes) end

---Bytes for the peer, up to ${max} (default 65536); "" when there are none for
---now: feed comes first then, unless busy().
---@param max? integer
---@return string? bytes
---@return string? message
---@return mahatta.Code? code
function Session:pull(max) end

---There is work that waits for no further bytes: call pull again, soon.
---@return boolean
function Session:busy() end

---Is it over, done or failed? Nothing is left to pull then.
---@return boolean
function Session:finished() end

---The transport has ended. nil, message, "ECLOSED" when the session was not
---done; what came is stored.
---@return true?
---@return string? message
---@return mahatta.Code? code
function Session:ended() end

---@class mahatta.SessionStatus
---@field state "handshake"|"greeting"|"syncing"|"done"|"failed"
---@field peer? string its name, once it has proved it
---@field parcels integer[] { come, to come }: the second as far as it is known
---@field files integer[] blocks asked for one by one: { come, to come }
---@field records integer that came
---@field received integer plain bytes that came
---@field sent { parcels: integer, records: integer, files: integer, bytes: integer }
---@field bytes_in integer on the wire
---@field bytes_out integer
---@field collections integer that differed
---@field fallbacks integer sketches that did not do, and lists or keyed ones did
---@field added integer records that are new here
---@field known integer blocks that were here before
---@field withdrawn integer withdrawals that took effect
---@field held integer parcels from the future, kept until their day
---@field refused integer records that the policy refused
---@field full integer parcels, records and file blocks that a quota left no room for (EQUOTA); the session went on
---@field peer_full integer the same at the peer, of what we sent
---@field unwanted integer parcels of collections that are not followed
---@field bad integer damaged or forged blocks, dropped
---@field gone integer blocks that the peer does not have either
---@field faults string[] the first 20 of the bad ones in words
---@field error? string why it failed
---@field code? mahatta.Code

---@return mahatta.SessionStatus
function Session:status() end

---End it, whatever its state; idempotent. What came is stored as far as feed
---has returned.
function Session:close() end

---Blocks that something here lists but that are not here, with what wants
---them: kind is "record", "file" or "part" (of a file).
---@param options? { limit?: integer }
---@return { id: string, kind: string, ["for"]: string }[]?
---@return string? message
---@return mahatta.Code? code
function Station:missing(options) end

---Drop and rebuild everything that is derived from blocks; those that are
---damaged are forgotten, as by scrub. Result: { parcels, records, forgotten,
---restored, faults }. With ${refused}, what the policy refused is forgotten,
---too: it is asked for again, and the policy of that day decides.
---@param options? { refused?: boolean }
---@return mahatta.Job? job
---@return string? message
---@return mahatta.Code? code
function Station:rebuild(options) end

---Take every intact block of a damaged store at ${path} into this one, then
---rebuild. Only reads there. Blocks while it reads (a tool for a bad day).
---@param path string
---@return { saved: integer, lost: integer }?
---@return string? message
---@return mahatta.Code? code
function Station:salvage(path) end

---Free file blocks that nothing lists any more. Result: { freed }.
---@return mahatta.Job? job
---@return string? message
---@return mahatta.Code? code
function Station:sweep() end

---@return { blocks: integer, bytes: integer, file_blocks: integer, file_bytes: integer, disk: integer, documents: integer, collections: integer, parcels: integer, held: integer, unindexed: boolean }?
---@return string? message
---@return mahatta.Code? code
function Station:stats() end

---A number that changes with everything that is written here, also by another
---process: what was read under one holds as long as it stays.
---@return integer? version
---@return string? message
---@return mahatta.Code? code
function Station:version() end

---SHA-256 in hex over all derived tables, equal for equal content.
---@return string? digest
---@return string? message
---@return mahatta.Code? code
function Station:digest() end

---Long work in bounded slices. Nothing runs until it is stepped.
---@class mahatta.Job
local Job = {}
---Work for about ${ms} milliseconds (default 20).
---@param ms? integer
---@return boolean? more true: call again; false: finished
---@return integer|string done progress so far (or the message)
---@return integer|mahatta.Code total what done grows to, as far as known
function Job:step(ms) end
---Step to the end.
---@return table? result
---@return string? message
---@return mahatta.Code? code
function Job:run() end
---for done, total in job:steps() do ... end, then job:result(). It may be left
---and taken up again. When the job fails the loop ends, and result() says why.
---@param ms? integer
---@return fun(): integer?, integer?
function Job:steps(ms) end
---The finished job's result; nil, message, code when it failed. Raises while
---it runs.
---@return table? result
---@return string? message
---@return mahatta.Code? code
function Job:result() end
---Give it up: what was done stays valid, half-written files are removed.
function Job:close() end

---Transports, each a module of its own: "mahatta.net.luv", "mahatta.net.socket"
---and "mahatta.net.cqueues" have connect and listen; "mahatta.net.pipe" has
---spawn and stdio; "mahatta.net.folder" has open. ${where} is "host",
---"host:port" or "[v6]:port"; the port is 9641 if none is given. Their handles
---fit into any loop: poll as they ask, step, until step is not true.
---@class mahatta.net
---@field connect fun(station: mahatta.Station, where: string, options?: mahatta.NetOptions): mahatta.Handle?, string?, mahatta.Code?
---@field listen fun(station: mahatta.Station, where: string, options?: mahatta.ListenOptions): mahatta.Listener?, string?, mahatta.Code?
---@field spawn fun(station: mahatta.Station, command: string, options?: mahatta.NetOptions): mahatta.Handle?, string?, mahatta.Code?
---@field stdio fun(station: mahatta.Station, options?: mahatta.NetOptions): mahatta.Handle?, string?, mahatta.Code?
---@field open fun(station: mahatta.Station, dir: string, options?: mahatta.NetOptions, clock?: fun(): number): mahatta.Handle?, string?, mahatta.Code?

---@class mahatta.NetOptions
---@field handshake? number seconds until the peer must be known; default 10
---@field idle? number seconds in which something must move; default 60
---@field peer? fun(did: string): boolean?, string?, mahatta.Code? nil, message refuses it
---@field ended? fun(handle: mahatta.Handle) once, while pollfd is still valid: loops forget it here

---@class mahatta.ListenOptions: mahatta.NetOptions
---@field gate? table of mahatta.net.gate, to share its limits: 64 sessions in all, 4 from one neighbour, 2 with one station
---@field session? fun(handle: mahatta.Handle, host: string) a new one, to be driven
---@field refused? fun(host: string, why: string)

---@class mahatta.Handle
---@field step fun(self): boolean?, string?, mahatta.Code? true: again; false: finished; nil, message, code: ended by a failure
---@field pollfd fun(self): integer?
---@field events fun(self): "r"|"rw"|nil
---@field timeout fun(self): number? seconds after which to step anyway
---@field status fun(self): mahatta.SessionStatus
---@field result fun(self): boolean?, string?, mahatta.Code? nil while it runs; true; false, message, code
---@field close fun(self) what came is kept

---@class mahatta.Listener
---@field step fun(self): true takes all callers that wait
---@field pollfd fun(self): integer
---@field events fun(self): "r"
---@field timeout fun(self): nil
---@field address fun(self): string, integer
---@field close fun(self)

return mahatta
