/* SPDX-License-Identifier: 0BSD */
/* The text of every statement of the engine. */
#include "store/sqlite_terms.h"

const struct query_text sq_query_text[SQ_STMTS] = {
    [Q_BEGIN] = {false, "BEGIN IMMEDIATE"},
    [Q_COMMIT] = {false, "COMMIT"},
    [Q_READ] = {false, "BEGIN"},
    [Q_DATA_VERSION] = {false, "PRAGMA data_version"},
    [Q_STATE_GET] = {false, "SELECT value FROM state WHERE name = ?1"},
    [Q_STATE_PUT] = {false, "INSERT INTO state VALUES(?1, ?2)"
                            " ON CONFLICT DO UPDATE SET value = ?2"},
    [Q_STATE_ADD] = {false, "UPDATE state SET value = value + ?2"
                            " WHERE name = ?1"},
    [Q_SEG_PUT] = {false, "INSERT INTO seg VALUES(?1, ?2, ?3, ?4)"},
    [Q_SEG_HEAD] = {false, "SELECT raw, head FROM seg WHERE id = ?1"},
    [Q_SEG_ALL] = {false, "SELECT raw, head, data FROM seg WHERE id = ?1"},
    [Q_SEG_CHANGE] = {false, "UPDATE seg SET raw = ?2, head = ?3, data = ?4"
                             " WHERE id = ?1"},
    [Q_SEG_REHEAD] = {false, "UPDATE seg SET head = ?2 WHERE id = ?1"},
    [Q_SEG_MAX] = {false, "SELECT max(id) FROM seg"},
    [Q_SEG_TAIL] = {false, "SELECT id, head FROM seg WHERE id > ?1"
                           " ORDER BY id"},
    [Q_SEG_WALK] = {false, "SELECT id, head FROM seg WHERE id >= ?1"
                           " ORDER BY id"},
    [Q_KEY_PUT] = {false, "INSERT OR IGNORE INTO cidkey VALUES(?1, ?2)"},
    [Q_KEY_GET] = {false, "SELECT n FROM cidkey WHERE prefix = ?1"},
    [Q_KEY_DROP] = {false, "DELETE FROM cidkey WHERE prefix = ?1 AND n = ?2"},
    [Q_KEY_ALL] = {false, "SELECT prefix, n FROM cidkey"},
    [Q_FILE_PUT] = {false, "INSERT INTO file VALUES(?1, ?2, ?3, ?4, ?5)"},
    [Q_FILE_GET] = {false, "SELECT codec, size, digest, data FROM file"
                           " WHERE id = ?1"},
    [Q_FILE_HEAD] = {false, "SELECT codec, size, digest, data IS NULL"
                            " FROM file WHERE id = ?1"},
    [Q_FILE_SIZE] = {false, "SELECT size FROM file WHERE id = ?1"},
    [Q_FILE_MAX] = {false, "SELECT max(id) FROM file"},
    [Q_FILE_TAIL] = {false, "SELECT id, codec, size, digest FROM file"
                            " WHERE id > ?1 ORDER BY id"},
    [Q_FILE_WALK] = {false, "SELECT id FROM file WHERE id > ?1 ORDER BY id"
                            " LIMIT ?2"},
    [Q_FILE_DROP] = {false, "DELETE FROM file WHERE id = ?1"},
    [Q_GONE_PUT] = {false, "INSERT OR IGNORE INTO gone VALUES(?1)"},
    [Q_GONE_LIST] = {false, "SELECT id FROM gone"},
    [Q_GONE_CLEAR] = {false, "DELETE FROM gone"},
    [Q_COLL_GET] = {false, "SELECT id FROM coll WHERE name = ?1"},
    [Q_COLL_NEW] = {false, "INSERT INTO coll(name) VALUES(?1)"},
    [Q_COLL_LIST] = {false, "SELECT name FROM coll WHERE name > ?1"
                            " ORDER BY name LIMIT ?2"},
    [Q_COLL_ENDS] = {false, "SELECT name, n, count FROM coll JOIN log ON"
                            " coll = id AND n = (SELECT max(n) FROM log"
                            " WHERE coll = id)"
                            " WHERE name > ?1 ORDER BY name LIMIT ?2"},
    [Q_LOG_PUT] = {false, "INSERT OR IGNORE INTO log VALUES(?1, ?2, ?3)"},
    [Q_LOG_LAST] = {false, "SELECT n, count FROM log WHERE coll = ?1"
                           " ORDER BY n DESC LIMIT 1"},
    [Q_LOG_COUNT] = {false, "UPDATE log SET count = count + 1"
                            " WHERE coll = ?1 AND n = ?2"},
    [Q_LOG_SINCE] = {false, "SELECT n FROM log WHERE coll = ?1 AND n > ?2"
                            " ORDER BY n LIMIT ?3"},
    [Q_ENTRY_PUT] = {false, "INSERT OR IGNORE INTO entry"
                            " VALUES(?1, ?2, ?3, ?4)"},
    [Q_ENTRY_DROP] = {false, "DELETE FROM entry WHERE name = ?1 AND key = ?2"
                             " AND sort = ?3 AND ref = ?4"},
    [Q_ENTRY_UP] = {false, "SELECT sort, ref FROM entry WHERE name = ?1"
                           " AND key = ?2 AND (sort, ref) > (?3, ?4)"
                           " ORDER BY sort, ref LIMIT ?5"},
    [Q_ENTRY_DOWN] = {false, "SELECT sort, ref FROM entry WHERE name = ?1"
                             " AND key = ?2 AND (sort, ref) < (?3, ?4)"
                             " ORDER BY sort DESC, ref DESC LIMIT ?5"},
    [Q_ENTRY_COUNT] = {false, "SELECT count(*) FROM entry"},
    [Q_KV_PUT] = {false, "INSERT INTO kv VALUES(?1, ?2)"
                         " ON CONFLICT DO UPDATE SET v = ?2"},
    [Q_KV_GET] = {false, "SELECT v FROM kv WHERE k = ?1"},
    [Q_KV_DROP] = {false, "DELETE FROM kv WHERE k = ?1"},
    [Q_KV_LIST] = {false, "SELECT k, v FROM kv WHERE k > ?1 AND k >= ?2"
                          " ORDER BY k LIMIT ?3"},
    [Q_TSEG_LIST] = {false, "SELECT id, base, docs, level, state, leaves,"
                            " strips, words FROM search_seg"
                            " WHERE state <= ?1 ORDER BY base, id"},
    [Q_TSEG_PUT] = {false, "INSERT OR REPLACE INTO search_seg"
                           " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"},
    [Q_TSEG_DROP] = {false, "DELETE FROM search_seg WHERE id = ?1"},
    [Q_ROW_GET + ROW_LEAF] = {false, "SELECT data FROM search_leaf"
                                     " WHERE id = ?1"},
    [Q_ROW_PUT + ROW_LEAF] = {false, "INSERT OR REPLACE INTO search_leaf"
                                     " VALUES(?1, ?2)"},
    [Q_ROW_DROP + ROW_LEAF] = {false, "DELETE FROM search_leaf"
                                      " WHERE id = ?1"},
    [Q_ROW_SWEEP + ROW_LEAF] = {false,
                                "DELETE FROM search_leaf WHERE id IN (SELECT id"
                                " FROM search_leaf WHERE id >= ?1 AND id < ?2"
                                " ORDER BY id LIMIT ?3)"},
    [Q_ROW_GET + ROW_STRIP] = {false, "SELECT data FROM search_strip"
                                      " WHERE id = ?1"},
    [Q_ROW_PUT + ROW_STRIP] = {false, "INSERT OR REPLACE INTO search_strip"
                                      " VALUES(?1, ?2)"},
    [Q_ROW_DROP + ROW_STRIP] = {false, "DELETE FROM search_strip"
                                       " WHERE id = ?1"},
    [Q_ROW_SWEEP +
        ROW_STRIP] = {false, "DELETE FROM search_strip WHERE id IN (SELECT id"
                             " FROM search_strip WHERE id >= ?1 AND id < ?2"
                             " ORDER BY id LIMIT ?3)"},
    [Q_ROW_GET + ROW_WORD] = {false, "SELECT data FROM search_word"
                                     " WHERE id = ?1"},
    [Q_ROW_PUT + ROW_WORD] = {false, "INSERT OR REPLACE INTO search_word"
                                     " VALUES(?1, ?2)"},
    [Q_ROW_DROP + ROW_WORD] = {false, "DELETE FROM search_word"
                                      " WHERE id = ?1"},
    [Q_ROW_SWEEP + ROW_WORD] = {false,
                                "DELETE FROM search_word WHERE id IN (SELECT id"
                                " FROM search_word WHERE id >= ?1 AND id < ?2"
                                " ORDER BY id LIMIT ?3)"},
    [Q_ROW_AFTER + ROW_LEAF] = {false, "SELECT id >> 32 FROM search_leaf"
                                       " WHERE id > ?1 ORDER BY id LIMIT 1"},
    [Q_ROW_AFTER + ROW_STRIP] = {false, "SELECT id >> 32 FROM search_strip"
                                        " WHERE id > ?1 ORDER BY id LIMIT 1"},
    [Q_ROW_AFTER + ROW_WORD] = {false, "SELECT id >> 32 FROM search_word"
                                       " WHERE id > ?1 ORDER BY id LIMIT 1"},
    [Q_LEAD_AFTER] = {false, "SELECT CASE typeof(seg) WHEN 'integer' THEN seg"
                             " ELSE -1 END FROM search_lead WHERE seg > ?1"
                             " ORDER BY seg LIMIT 1"},
    [Q_LEAD_GET] = {false, "SELECT no FROM search_lead WHERE seg = ?1"
                           " AND first <= ?2 ORDER BY first DESC LIMIT 1"},
    [Q_LEAD_ROW] = {false, "SELECT l.no, f.data FROM search_lead AS l"
                           " LEFT JOIN search_leaf AS f"
                           " ON f.id = (?1 << 32 | l.no) WHERE l.seg = ?1"
                           " AND l.first <= ?2 ORDER BY l.first DESC LIMIT 1"},
    [Q_LEAD_PUT] = {false, "INSERT OR REPLACE INTO search_lead"
                           " VALUES(?1, ?2, ?3)"},
    [Q_LEAD_DROP] = {false, "DELETE FROM search_lead WHERE seg = ?1"
                            " AND first = ?2"},
    [Q_LEAD_SWEEP] = {false, "DELETE FROM search_lead WHERE seg = ?1 AND first"
                             " IN (SELECT first FROM search_lead WHERE"
                             " seg = ?1 AND ?2 = 0 ORDER BY first LIMIT ?3)"},
    [Q_LEN_GET] = {false, "SELECT data FROM search_len WHERE page = ?1"},
    [Q_LEN_PUT] = {false, "INSERT OR REPLACE INTO search_len VALUES(?1, ?2)"},
    [Q_LEN_SWEEP] = {false, "DELETE FROM search_len WHERE page IN (SELECT page"
                            " FROM search_len WHERE page >= ?1 AND page < ?2"
                            " ORDER BY page LIMIT ?3)"},
    [Q_LEN_MAX] = {false, "SELECT max(page) FROM search_len"},
    [Q_TDOC_GET] = {false, "SELECT data FROM search_doc WHERE page = ?1"},
    [Q_TDOC_PUT] = {false, "INSERT OR REPLACE INTO search_doc VALUES(?1, ?2)"},
    [Q_TDOC_SWEEP] = {false, "DELETE FROM search_doc WHERE page IN (SELECT page"
                             " FROM search_doc WHERE page >= ?1 AND page < ?2"
                             " ORDER BY page LIMIT ?3)"},
    [Q_TDOC_MAX] = {false, "SELECT max(page) FROM search_doc"},
    [Q_REF_GET] = {false, "SELECT data FROM search_ref WHERE page = ?1"},
    [Q_REF_PUT] = {false, "INSERT OR REPLACE INTO search_ref VALUES(?1, ?2)"},
    [Q_REF_DROP] = {false, "DELETE FROM search_ref WHERE page = ?1"},
    [Q_REF_BEFORE] = {false, "SELECT page FROM search_ref WHERE page <= ?1"
                             " ORDER BY page DESC LIMIT 1"},
    [Q_SET_GET] = {false, "SELECT facets FROM search_set WHERE id = ?1"},
    [Q_SET_FIND] = {false, "SELECT id FROM search_set WHERE facets = ?1"},
    [Q_SET_NEW] = {false, "INSERT INTO search_set(docs, facets)"
                          " VALUES(0, ?1)"},
    [Q_SET_COUNT] = {false, "UPDATE search_set SET docs = docs + ?2"
                            " WHERE id = ?1"},
    [Q_SET_DROP] = {false, "DELETE FROM search_set WHERE id = ?1"
                           " AND docs <= 0"},
    [Q_MERGE_LIST] = {false, "SELECT level, target, after FROM search_merge"
                             " ORDER BY level"},
    [Q_MERGE_PUT] = {false, "INSERT OR REPLACE INTO search_merge"
                            " VALUES(?1, ?2, ?3)"},
    [Q_MERGE_DROP] = {false, "DELETE FROM search_merge WHERE level = ?1"},
    [Q_WAIT_COUNT] = {false, "SELECT count(*) FROM search_wait"},
    [Q_WAIT_HAS] = {false, "SELECT 1 FROM search_wait WHERE id = ?1"},
    [Q_WAIT_PUT] = {false, "INSERT OR REPLACE INTO search_wait"
                           " VALUES(?1, ?2)"},
    [Q_WAIT_GET] = {false, "SELECT data FROM search_wait WHERE id = ?1"},
    [Q_WAIT_ALL] = {false, "SELECT id, data FROM search_wait ORDER BY id"},
    [Q_WAIT_DROP] = {false, "DELETE FROM search_wait WHERE id = ?1"},
    [Q_WAIT_CLEAR] = {false, "DELETE FROM search_wait"},
    [Q_BIG_BEGIN] = {true, "BEGIN IMMEDIATE"},
    [Q_BIG_COMMIT] = {true, "COMMIT"},
    [Q_BIG_PUT] = {true, "INSERT OR REPLACE INTO file"
                         " VALUES(?1, ?2, ?3, ?4, ?5)"},
    [Q_BIG_GET] = {true, "SELECT data FROM file WHERE id = ?1"},
    [Q_BIG_DROP] = {true, "DELETE FROM file WHERE id = ?1"},
    [Q_PAGES] = {false, "PRAGMA page_count"},
    [Q_FREE_PAGES] = {false, "PRAGMA freelist_count"},
    [Q_BIG_PAGES] = {true, "PRAGMA page_count"},
    [Q_BIG_FREE_PAGES] = {true, "PRAGMA freelist_count"},
    [Q_BIG_AFTER] = {true, "SELECT id, codec, size, digest FROM file"
                           " WHERE id > ?1 ORDER BY id"},
};
