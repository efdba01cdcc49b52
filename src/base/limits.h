/* SPDX-License-Identifier: 0BSD */
/* Every limit of mahatta, with its reason. Sizes are in bytes. Each limit on
 * foreign input has a test at n - 1, n and n + 1. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/* Blocks: 2 MiB is what IPFS peers and gateways take at most (bitswap). */
#define BLOCK_SIZE_MAX (2u * 1024 * 1024)

/* CBOR nesting: real records use < 8; deeper is an attack on recursive
 * readers of our data, even though ours is iterative. */
#define CBOR_DEPTH_MAX 32

/* Integers that JavaScript keeps exact, so that a re-encode elsewhere gives
 * the same bytes and the signature still holds. */
#define CBOR_INT_MAX 9007199254740991

/* Records: fits a page of text; longer text belongs into a file. */
#define RECORD_SIZE_MAX (64u * 1024)
#define RECORD_KEYS_MAX 64    /* keys of the top-level map */
#define RECORD_FILES_MAX 1024 /* entries of `files` */
#define RECORD_TAGS_MAX 64
#define RECORD_TAG_MAX 128     /* bytes of one tag */
#define RECORD_TYPE_MAX 64     /* bytes of `type` */
#define RECORD_KEY_MAX 256     /* bytes of `key` */
#define RECORD_TITLE_MAX 1024  /* bytes of one title */
#define RECORD_LANG_MAX 35     /* BCP 47: longest sensible language tag */
#define RECORD_NAME_MAX 1024   /* bytes of a file's name, path inside a set */
#define RECORD_REASON_MAX 4096 /* bytes of a withdrawal's reason */
#define RECORD_LABEL_MAX 128   /* bytes of a label's value */

/* Parcels: 512 links of 41 bytes and a header: about 21.3 kB. */
#define PARCEL_RECORDS_MAX 512
#define PARCEL_SIZE_MAX (32u * 1024)
#define COLLECTION_NAME_MAX 128

/* Clocks: a parcel from further ahead waits; Briar uses the same day. */
#define CLOCK_SKEW_MAX_S (24 * 60 * 60)
/* Parcels from the future wait for their day, with their records: this many,
 * this much. Where that is not enough, the farthest go. */
#define HELD_PARCELS_MAX 4096
#define HELD_BYTES_MAX (64u * 1024 * 1024)
#define HELD_BUDGET_PART 16 /* of a budget */

/* UnixFS, profile unixfs-v1-2025 (IPIP-499). */
#define UNIXFS_LEAF_SIZE (1024u * 1024)
#define UNIXFS_LINKS_MAX 1024 /* width of a node that we write or read */
#define UNIXFS_DEPTH_MAX 32   /* levels below a root that we follow */
/* What a file may claim to hold: a large film; beyond that, cut it. */
#define UNIXFS_FILE_SIZE_MAX (64LL * 1024 * 1024 * 1024)
#define UNIXFS_VISITS_FREE 65536u /* blocks of a file that we ask for ... */
#define UNIXFS_PART_AVG_MIN 4096u /* ... and one for this many bytes more */
#define UNIXFS_NAME_MAX 1024      /* bytes of a directory entry's name */
#define UNIXFS_DIR_NODE_MAX (256u * 1024) /* no HAMT: larger is refused */

/* Content-defined cuts (FastCDC, USENIX ATC 2016). */
#define CHUNK_MIN (64u * 1024)
#define CHUNK_AVG (256u * 1024)
#define CHUNK_MAX UNIXFS_LEAF_SIZE /* a leaf is a leaf, in either cut */

/* zstd from elsewhere: decoded in one shot into a bounded buffer. */
#define ZPACK_WINDOW_LOG_MAX 20
#define ZPACK_FRAME_RAW (256u * 1024) /* what we put into one carry frame */

/* CAR: header with one root is 59 bytes; strangers may name more. */
#define CAR_HEADER_MAX 4096
#define CAR_ROOTS_MAX 64
#define VARINT_BYTES_MAX 9

/* Slips: 10^6 parcels as 8-byte handles is 8 MB. */
#define SLIP_SIZE_MAX (16u * 1024 * 1024)
#define SLIP_WISHES_MAX 1024
#define SLIP_SETS_MAX                                                          \
  1024 /* collections told by a sketch; others by handles                      \
        */
#define SLIP_MISSING_MAX 16384 /* blocks named one by one, per wish */

/* Noise: what its specification (section 3) lets a message have at most. */
#define NOISE_MESSAGE_MAX 65535
/* Sketches: 4096 cells of 12 bytes are 48 KiB and tell about 3,600
 * differences; 16 syndromes of 8 bytes fit into an SMS and tell 16. */
#define SKETCH_CELLS 4096u
#define SKETCH_SYNDROMES 16u
/* A throwaway sketch in 16 parts: 800 KiB, about 50,000 differences. */
#define SKETCH_SCAN_BITS_MAX 4u

/* Sessions. A frame holds one block of the largest kind and its head. */
#define SESSION_FRAME_MAX (BLOCK_SIZE_MAX + 1024u)
#define SESSION_CONTROL_MAX (64u * 1024) /* body of all but blocks */
#define SESSION_BLOCKS_RAW (256u * 1024) /* many small blocks, unpacked */
/* What one end sends before the other has said that it took some of it: on a
 * link of 100 ms that is 80 Mbit/s. */
#define SESSION_CREDIT (1024u * 1024)
#define SESSION_REKEY_EVERY 65536u /* messages of one way under one key */
#define SESSION_WISHES_MAX 1024u   /* patterns that a peer may follow */
#define SESSION_NAMES_MAX 65536u   /* collections that are compared */
#define SESSION_TOPICS_MAX 256u    /* collections under way in one round */
#define SESSION_ASKED_MAX 256u     /* blocks asked for one by one, at once */
/* Lists of 8-byte handles instead of a sketch: one frame of them. */
#define SESSION_LIST_MAX 8000u
#define SESSION_SKETCHES_MAX 4u   /* snapshots of 48 KiB at the same time */
#define SESSION_WINDOW_IDS 32768u /* ids compared in one window */
/* 1024 windows: sets of 33 million parcels, each window a walk over all. */
#define SESSION_WINDOW_BITS_MAX 10u
/* What topics have no place in one round waits for the next: 256 rounds for all
 * names, and as many again as one collection has windows. */
#define SESSION_ROUNDS_MAX 2048u

/* Key file: Argon2id parameters are capped when read, or a key file from a
 * stranger would be a way to eat memory and time. */
#define KEYFILE_SIZE_MAX 4096
#define KDF_MEM_BYTES (64ull * 1024 * 1024)
#define KDF_PASSES 3
#define KDF_MEM_BYTES_MAX (1024ull * 1024 * 1024)
#define KDF_PASSES_MAX 16
#define PASSPHRASE_MAX 1024

/* Store: bounded batches keep other engines possible and memory flat. */
#define STORE_BATCH_MAX 1024 /* blocks in one call */
#define STORE_BATCH_BYTES (8u * 1024 * 1024)
#define STORE_LIST_MAX 1000 /* rows of one answer */
#define STORE_KV_KEY_MAX 256
#define STORE_KV_VALUE_MAX (1024u * 1024)

/* Damaged blocks that are forgotten in one change: two full segments. */
#define MEND_BLOCKS_MAX 512

/* Quotas. What is kept costs rows and pages beside its bytes, so that many
 * small things can't pass for few (guide: 512). */
#define QUOTA_COST_MIN 512u
/* The store's log alone may take half of it. */
#define QUOTA_BUDGET_MIN (32u * 1024 * 1024)
/* Of a budget, what only vouched-for authors may fill: a quarter. Without
 * other word, one stranger has a 64th; one collection and one way (a peer, a
 * stick) half. */
#define QUOTA_RESERVE 4
#define QUOTA_AUTHOR_PART 64
#define QUOTA_COLLECTION_PART 2
#define QUOTA_WAY_PART 2
#define QUOTA_WAY_MAX 128 /* bytes of a way's name */

/* Search: a query is what a person types. */
#define QUERY_WORDS_MAX 64   /* a pasted sentence */
#define QUERY_PARTS_MAX 32   /* phrases, fields, alternatives of one query */
#define QUERY_NEEDS_MAX 32   /* they are bits of a number */
#define QUERY_GROUPS_MAX 320 /* a word may be found in several ways ... */
#define QUERY_TERMS_MAX 4096 /* ... and each of them by like words */
#define WORD_BYTES_MAX 96    /* longer "words" are hashes: cut */
#define SEARCH_TALLY_MAX 300 /* records that are counted one by one */
#define SEARCH_SHOWN_MAX 120 /* hits that a cursor names: twice the head */
#define FILE_TEXT_MAX (64u * 1024) /* out of a record's files: as its own */
#define FILE_TEXT_BATCH 64         /* records that are told at once */
#define FILE_TEXT_FILES 32         /* files of a record that are read */
#define SNIPPET_WORDS 24
#define SNIPPET_BYTES_MAX 1024 /* of the text, where words are no words */
#define SNIPPET_TERMS_MAX 2048 /* that are looked for; further ones are not */

/* The site's server. A piece of an upload is a request of its own. */
#define HTTP_CONNECTIONS_MAX 64 /* open at the same time ... */
/* ... and of one address: a browser opens 6. This machine's own may have all:
 * whoever stands behind a proxy comes from there. */
#define HTTP_ADDRESS_MAX (HTTP_CONNECTIONS_MAX / 4)
#define HTTP_HEADER_MS 10000 /* from the first byte to the whole header */
#define HTTP_BODY_MS 60000   /* for a body: 140 kbit/s at least */
#define HTTP_SILENCE_S 30    /* of a reader that takes nothing */
#define HTTP_BODY_MAX (1024u * 1024)
#define HTTP_POOL_SIZE (24u * 1024) /* a header of 8 KiB, taken apart */
#define HTTP_STREAM_BLOCK (128u * 1024)

#define PATH_BYTES_MAX 4096

_Static_assert(RECORD_SIZE_MAX <= BLOCK_SIZE_MAX, "a record is one block");
_Static_assert(PARCEL_SIZE_MAX <= BLOCK_SIZE_MAX, "a parcel is one block");
_Static_assert(PARCEL_RECORDS_MAX * 41u + 512 <= PARCEL_SIZE_MAX,
               "a full parcel fits");
_Static_assert(CHUNK_MAX <= BLOCK_SIZE_MAX, "a chunk is one block");
_Static_assert(UNIXFS_LEAF_SIZE <= BLOCK_SIZE_MAX, "a leaf is one block");
_Static_assert(PARCEL_RECORDS_MAX + 1 <= STORE_BATCH_MAX,
               "a parcel and its records enter in one batch");

#endif
