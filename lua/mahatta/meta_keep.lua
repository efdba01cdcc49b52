---@meta mahatta
-- Types and documentation of what keeps a station well: quotas, vouching, why,
-- verify, scrub. For the Lua language server and for people; nothing here runs.

---Sizes ("256M", bytes), "none" or "default".
---@class mahatta.Quotas
---@field budget? string|integer what the station's files together may take; a quarter of it is only for authors who are vouched for. "none" by default; at least 32M
---@field author? string|integer what one stranger may: default a 64th of the budget
---@field collection? string|integer what strangers may in one collection: default half of it
---@field way? string|integer what strangers' parcels may that come by one peer or stick: default half of it

---@class mahatta.Station
local Station = {}

---What strangers may take of the disk, as set; with ${quotas}, set those of
---them. Strangers are authors other than this station whom nobody vouches for.
---What has no room is refused (EQUOTA), the newest that is; nothing that is
---here goes for it, and what this station publishes always has room. Setting
---it for the first time counts what is here, which takes as long as a rebuild.
---@param quotas? mahatta.Quotas
---@return { budget: string|integer, author: string|integer, collection: string|integer, way: string|integer, used: integer }? quotas used: bytes of the disk in use
---@return string? message
---@return mahatta.Code? code
function Station:quotas(quotas) end

---Vouch for an author: no quota holds for it any more, only the budget.
---@param author string did:key:...
---@return true?
---@return string? message nil, message, "EINVALID" when that names no author
---@return mahatta.Code? code
function Station:vouch(author) end

---Vouch for it no longer (also where a policy did). What is here stays.
---@param author string
---@return true?
---@return string? message nil, message, "ENOENT" when nobody vouches for it; "EINVALID" as vouch
---@return mahatta.Code? code
function Station:unvouch(author) end

---The authors who are vouched for.
---@return string[]?
---@return string? message
---@return mahatta.Code? code
function Station:vouched() end

---@class mahatta.Held
---@field here boolean
---@field kind "parcel"|"record"|"file"|"part" (of a file)
---@field way? string by which it came: "own", "peer DID", "from HOST", "file NAME"; absent for what came before stations noted it
---@field listings { parcel: string, author: string, collection: string, time: integer, own: boolean, vouched?: string, followed?: string }[] who lists it (of a file: the first of ${records}); vouched: by whom; followed: by which rule
---@field records string[] of a file or a part of one: the records whose it is
---@field above string[] of a part: the nodes between, from below

---Why a block is held, or wanted. For files it reads the records that have
---some, and the nodes of files.
---@param id string
---@return mahatta.Held? why nil, message, "ENOENT": it is not here and nothing asks for it
---@return string? message
---@return mahatta.Code? code
function Station:why(id) end

---Check the store's structure, the search index against itself and against
---the records, and that everything listed is here; with
---read_data = true also hash every block. Result: { blocks, bytes, bad,
---missing, faults }.
---@param options? { read_data?: boolean }
---@return mahatta.Job? job
---@return string? message
---@return mahatta.Code? code
function Station:verify(options) end

---Read and hash one of `share` parts (default 8) of all blocks, from where the
---last one stopped: as many runs read all. What is damaged is forgotten, so
---that sessions, slips and carry files bring it again. Result: { blocks, bytes,
---bad, whole, forgotten, parcels, restored, faults }; whole is 1 when the end
---was reached; parcels: so many of the forgotten ones were, restored: so many
---of the station's own were signed again.
---@param options? { share?: integer }
---@return mahatta.Job? job
---@return string? message
---@return mahatta.Code? code
function Station:scrub(options) end
