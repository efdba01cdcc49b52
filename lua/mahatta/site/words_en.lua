-- SPDX-License-Identifier: 0BSD
-- What the site says in English. Every language has the same keys; {n} and
-- the like stand for values.

return { code = "en", tag = "en", dir = "ltr", say = {
  own_name = "English",
  name = "Mahatta",
  motto = "Open data for everyone, without restriction or condition.",
  skip = "Skip to the content",
  menu = "Menu", languages = "Languages", as_of = "As of",
  menu_collections = "Collections", menu_station = "This station",
  menu_take = "Take along", menu_publish = "Publish", menu_help = "Help",
  search = "Search", search_hint = "Lessons, data, news …",
  search_here = "Search in here", more = "More", feed = "Feed",
  to_home = "To the first page",
  not_found = "Not here",
  not_found_text = "There is nothing under this address at this station.",
  busy = "One moment", busy_text = "Another carry file is being made. "
    .. "Please try again in half a minute.",
  broken = "That did not work",
  broken_text = "The station could not answer. Its keeper finds the reason in "
    .. "the log.",

  hero = "Find it, take it, pass it on",
  hero_text = "Lessons, data and news that people share with everyone. It all "
    .. "works when the Internet is cut.",
  counts = "Records: {records} · Collections: {collections} · On disk: {size}",
  newest = "Newest",
  nothing_by_author = "Nothing by this author is here to be found.",
  nothing_here = "Nothing has been published here yet.",
  all_collections = "All {n} collections",
  take_short = "Somebody leaves for a place without a connection? Give them "
    .. "a file that holds all of this, or a part of it.",
  take_link = "Take this with you",
  publish_short = "Do you have something that others need? Share it here.",
  publish_link = "Publish something",

  query = "Words", collection = "Collection", kind = "Kind",
  narrow = "Narrow down", take_off = "(remove)",
  did_you_mean = "Did you mean",
  found = "Found: {n}",
  nothing_found = "Nothing was found for {q}.",
  search_help = "Type one word or several. Spelling of alef, yeh, kaf and "
    .. "vowel marks does not matter.",
  has_files = "with files",
  facet_collection = "Collection", facet_type = "Kind",
  facet_lang = "Language", facet_author = "Author", facet_year = "Year",
  facet_files = "Files",

  no_title = "(no title)", author = "Author", this_station = "This is the "
    .. "station that you are looking at.",
  said = "What others say of this", label_by = "says",
  newer_version = "There is a newer version", about_it = "About this",
  license = "Licence", no_license = "none was named",
  held_by = "Copies", held_here = "here; no other station has told of a copy",
  held_by_others = "here, and at {n} other stations that have told of it",
  tags = "Tags", language = "Language", source = "Source",
  created = "Created", about = "About", id = "Identifier",
  machines = "For programs", as_data = "All fields",
  cite = "How to cite it", history = "Versions", comments = "What refers to it",
  whole_text = "Show the whole text", all_files = "Show all files",
  files = "Files", download = "Save", show_table = "Show as a table",
  first_rows = "The first {n} rows.",
  not_here_yet = "This file has not come to this station yet.",
  kind_integer = "whole number", kind_number = "number", kind_date = "date",
  kind_boolean = "yes or no", kind_string = "text",

  holdings = "What is here", disk_files = "Files", disk_records = "Records",
  disk_index = "Index and room",
  n_documents = "Records to find", n_collections = "Collections",
  n_parcels = "Parcels", n_held = "Waiting for their day",
  n_disk = "On disk", missing = "What is missing",
  nothing_missing = "Nothing that is listed here is missing.",
  missing_record = "a record", missing_file = "a file",
  missing_part = "a part of a file", wanted_by = "wanted by this",
  follows = "What this station asks for",
  follows_nothing = "No choice was made: it asks for everything.",
  files_up_to = "files up to {size}",

  take_title = "Take this with you",
  take_text = "A carry file brings what is here to a station without a "
    .. "connection: on a stick, a phone, a memory card. The other station "
    .. "checks every piece of it.",
  take_carry = "A carry file", take_pattern = "A name such as edu/physics, "
    .. "or edu/* for all below it. Empty: everything.",
  take_files = "Files", files_all = "all files",
  files_small = "files up to 10 MB", files_none = "without files",
  take_make = "Make and save it",
  take_slip = "The slip of this station",
  take_slip_text = "A small file that says what is here and what is wanted. "
    .. "Whoever goes to another station takes it along and comes back with "
    .. "just what is missing.",
  take_slip_get = "Save the slip",
  bring_title = "You have brought something?",
  bring_text = "A carry file is taken in here. For somebody's slip you get "
    .. "the carry file with just what they lack.",
  bring_drop = "Drop a carry file or a slip here, or choose one",
  needs_script = "This part needs JavaScript. All reading works without it.",
  read_only = "Over this connection the station is only read. To publish or "
    .. "to bring something, use the station's own screen.",

  publish_title = "Publish",
  publish_text = "What you publish is open to everyone and is passed on from "
    .. "station to station. It can be withdrawn, but not called back from "
    .. "those whom the withdrawal does not reach.",
  pair_text = "To publish, show that you are at the station: a code appears "
    .. "on its screen.",
  pair_show = "Show a code there", pair_code = "The code",
  pair_open = "Open", drafts = "Drafts", lock = "Lock",
  title = "Title", text = "Text", reason = "Reason",
  files_drop = "Drop files here, or choose some",
  preview = "Preview", save_draft = "Save as a draft",
  publish_go = "Publish", withdraw = "Withdraw",
  withdraw_text = "It disappears here at once, and wherever the withdrawal "
    .. "arrives.",
  edit = "New version or withdrawal",
  js_uploading = "Uploading", js_working = "Working", js_done = "Done",
  js_failed = "That did not work:", js_wrong_code = "That is not the code.",
  js_code_shown = "The code is on the station's screen.",
  js_draft_saved = "The draft is saved.", js_open = "Open it",
  js_added = "records added", js_offline = "The station does not answer.",
  js_remove = "Remove", js_withdrawn = "It is withdrawn.",
  js_fetch = "Save the carry file",

  help_lead = "A station keeps data that people share, finds it again and "
    .. "passes it on. It needs no Internet for that.",
  help_find = "Find", help_find_text = "Type words into the search field. "
    .. "Arabic and Kurdish are found however they are spelled.",
  help_take = "Take along", help_take_text = "Save a carry file on a stick "
    .. "and bring it to another station. A slip first tells what is missing "
    .. "there, so that the stick carries nothing twice.",
  help_publish = "Share", help_publish_text = "At the station itself, open "
    .. "Publish and type the code from its screen. Choose an open licence.",
  help_cut = "When the net is cut", help_cut_text = "Everything here goes on "
    .. "working over the local network. Sticks carry it further.",
  help_trust = "What to trust", help_trust_text = "Everything is signed by "
    .. "its author and checked bit by bit. Whether it is true is for people "
    .. "to say: corrections and labels stand above the text.",
  help_machines = "For programs",

  type_lesson = "Lesson", type_dataset = "Dataset", type_news = "News",
  type_book = "Book", type_event = "Event", type_idea = "Idea",
  type_correction = "Correction", type_retraction = "Retraction",
  type_clarification = "Clarification", type_update = "Update",
  type_label = "Label", type_comment = "Comment", type_withdraw = "Withdrawal",
  type_profile = "Station", type_forecast = "Forecast",
  type_evidence = "Evidence", type_holdings = "Holdings",
} }
