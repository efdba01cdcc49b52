---@meta mahatta.http
-- Types and documentation of mahatta.http and of the site, for the Lua
-- language server and for people. Nothing here runs.

---An HTTP server over libmicrohttpd whose loop is the host's: it owns no
---thread. A module of its own: the core needs no network library.
---@class mahatta.http
local http = {}

---What came. Headers by lower-case name; those that came twice are joined by
---", " and named in ${repeated}. The target is as it came.
---@class mahatta.http.Request
---@field method string
---@field target string
---@field headers table<string, string>
---@field repeated table<string, boolean>
---@field body string at most 1 MiB
---@field address? string of the client, or of the proxy before it

---A body that is given piece by piece.
---@class mahatta.http.Stream
---@field size? integer bytes in all, where they are known
---@field read fun(): string?, string? next bytes; "" when there are none yet; nil at the end; nil, message when it fails
---@field close? fun() called once, also when the reader went away

---@class mahatta.http.Response
---@field status integer
---@field headers table<string, string>
---@field body string|mahatta.http.Stream

---@class mahatta.http.ListenOptions
---@field host? string an IP address; default 127.0.0.1
---@field port? integer default 0: any that is free
---@field handler fun(request: mahatta.http.Request): mahatta.http.Response
---@field refuse? fun(request: mahatta.http.Request): mahatta.http.Response? asked before the body of a request is read; nil lets it in
---@field log? fun(line: string) of faults of the handler

---Listen. "EBUSY" when another program has the port.
---@param options mahatta.http.ListenOptions
---@return mahatta.http.Server? server
---@return string? message
---@return mahatta.Code? code
function http.listen(options) end

---Several servers as one handle.
---@param servers mahatta.http.Server[]
---@return mahatta.http.Group? group
---@return string? message
---@return mahatta.Code? code
function http.group(servers) end

---@class mahatta.http.Server
local Server = {}
---Answer what waits; never blocks. Call it when the descriptor is readable,
---or the timeout is over.
function Server:step() end
---@return integer descriptor to watch
function Server:pollfd() end
---@return "r"
function Server:events() end
---@return number? seconds until step() is due without any event
function Server:timeout() end
---@return integer port
function Server:port() end
---Ends its connections and streams; idempotent. Not from inside a handler.
function Server:close() end

---@class mahatta.http.Group
local Group = {}
---Step all of them.
function Group:step() end
---@return integer descriptor to watch
function Group:pollfd() end
---@return "r"
function Group:events() end
---@return number? seconds
function Group:timeout() end
---For programs without a loop: wait until one of them wants to be stepped.
---@param seconds? number at most
---@return boolean something_to_do false: the time is over
function Group:poll(seconds) end
---Closes the servers, too.
function Group:close() end

return http
