-- SPDX-License-Identifier: 0BSD
-- Threat 16, 18: a parcel whose bytes are not those that its author signed,
-- under the CID that its bytes have.

local mahatta = require "mahatta"
local support = require "support"

describe("threat 16: a parcel that its author did not sign", function ()
  local from, to
  before_each(function ()
    from, to = support.station({}), support.station({})
  end)
  after_each(function ()
    from:close()
    to:close()
    support.clean()
  end)

  -- The parcel and its record, as the author wrote them.
  local function one()
    local record = { type = "note", title = "signed" }
    local id = assert(from:publish("c", record))
    return assert(from:block(assert(from:get(id)).parcel)), from:block(id), id
  end

  local function take(blocks)
    local path = support.write(support.folder() .. "/x.car",
      support.car(blocks, { "dag-cbor", "dag-cbor" }))
    return support.run(to:unpack(path))
  end

  it("is good as it was written", function ()
    local parcel, record, id = one()
    take({ parcel, record })
    assert.equal(id, to:get(id).id)
  end)

  it("is refused at the door with any byte changed", function ()
    local parcel, record, id = one()
    for i = 1, #parcel do
      local forged = parcel:sub(1, i - 1)
        .. string.char(parcel:byte(i) ~ 1) .. parcel:sub(i + 1)
      take({ forged, record })
      assert.is_nil(to:get(id), "byte " .. i)
    end
    assert.same({}, to:collections())
    take({ parcel, record }) -- those before did the good one no harm
    assert.equal(id, to:get(id).id)
  end)

  it("is refused with another author's name", function ()
    local parcel, record, id = one()
    local value = assert(mahatta.decode(parcel))
    local stranger = assert(mahatta.decode((function ()
      local other = support.station({})
      local theirs = assert(other:publish("c", { type = "note" }))
      local bytes = other:block(other:get(theirs).parcel)
      other:close()
      return bytes
    end)()))
    for _, field in ipairs({ "author", "sig", "time", "collection" }) do
      local forged = {}
      for key, part in pairs(value) do forged[key] = part end
      forged[field] = field == "time" and value.time + 1
        or field == "collection" and "d" or stranger[field]
      local bytes = mahatta.encode(forged)
      assert.not_equal(parcel, bytes)
      take({ bytes, record })
      assert.is_nil(to:get(id), field)
    end
  end)
end)
