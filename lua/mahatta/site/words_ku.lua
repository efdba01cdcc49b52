-- SPDX-License-Identifier: 0BSD
-- What the site says in Kurmanji Kurdish.

return { code = "ku", tag = "kmr", dir = "ltr", say = {
  own_name = "Kurdî (Kurmancî)",
  name = "Rawestgeh",
  motto = "Daneyên vekirî ji bo her kesî, bê merc û bê sînor.",
  skip = "Derbasî naverokê bibe",
  menu = "Pêrist", languages = "Ziman", as_of = "Heta",
  menu_collections = "Komik", menu_station = "Ev rawestgeh",
  menu_take = "Bi xwe re bibe", menu_publish = "Biweşîne",
  menu_help = "Alîkarî",
  search = "Bigere", search_hint = "Ders, dane, nûçe …",
  search_here = "Li vir bigere", more = "Zêdetir", feed = "Feed",
  to_home = "Ber bi rûpela yekem",
  not_found = "Ne li vir e",
  not_found_text = "Li vê rawestgehê di bin vê navnîşanê de tiştek tune.",
  busy = "Kêlîkekê", busy_text = "Dosyeyeke din a barkirinê tê amadekirin. "
    .. "Ji kerema xwe piştî nîv deqeyê dîsa biceribîne.",
  broken = "Çênebû",
  broken_text = "Rawestgeh nikarî bersivê bide. Rêvebirê wê sedemê di tomarê "
    .. "de dibîne.",

  hero = "Bibîne, bibe, bigihîne",
  hero_text = "Ders, dane û nûçeyên ku mirov bi her kesî re parve dikin. Her "
    .. "tişt dixebite, di dema qutbûna Înternetê de jî.",
  counts = "Tomar: {records} · Komik: {collections} · Li ser dîskê: {size}",
  newest = "Yên herî nû",
  nothing_by_author = "Li vir tiştek ji vî weşangerî tune.",
  nothing_here = "Hêj tiştek li vir nehatiye weşandin.",
  all_collections = "Hemû komik: {n}",
  take_short = "Kesek diçe cihekî bê girêdan? Dosyeyekê bidiyê ku hemû ev "
    .. "tişt an jî beşek jê tê de ye.",
  take_link = "Vê bi xwe re bibe",
  publish_short = "Tiştekî te heye ku ji yên din re pêwîst e? Li vir parve "
    .. "bike.",
  publish_link = "Tiştekî biweşîne",

  query = "Peyv", collection = "Komik", kind = "Cure",
  narrow = "Teng bike", take_off = "(rake)",
  did_you_mean = "Mebesta te ev bû",
  found = "Encam: {n}",
  nothing_found = "Ji bo {q} tiştek nehat dîtin.",
  search_help = "Peyvekê an jî çendan binivîse.",
  has_files = "bi dosyeyan",
  facet_collection = "Komik", facet_type = "Cure",
  facet_lang = "Ziman", facet_author = "Weşanger", facet_year = "Sal",
  facet_files = "Dosye",

  no_title = "(bê sernav)", author = "Weşanger",
  this_station = "Ev ew rawestgeh e ku tu lê dinêrî.",
  said = "Yên din çi dibêjin", label_by = "dibêje",
  newer_version = "Guhertoyeke nûtir heye", about_it = "Der barê vê de",
  license = "Lîsans", no_license = "nehatiye gotin",
  held_by = "Kopî", held_here = "li vir; tu rawestgeheke din behsa kopiyekê "
    .. "nekiriye",
  held_by_others = "li vir, û li {n} rawestgehên din ên ku gotine",
  tags = "Etîket", language = "Ziman", source = "Çavkanî",
  created = "Dema çêkirinê", about = "Der barê", id = "Nasname",
  machines = "Ji bo bernameyan", as_data = "Hemû qad",
  cite = "Çawa were jêgirtin", history = "Guherto",
  comments = "Yên ku behsa wê dikin",
  whole_text = "Hemû nivîsê nîşan bide", all_files = "Hemû dosyeyan nîşan bide",
  files = "Dosye", download = "Tomar bike", show_table = "Wek tablo nîşan bide",
  first_rows = "Rêzên pêşîn: {n}.",
  not_here_yet = "Ev dosye hêj negihiştiye vê rawestgehê.",
  kind_integer = "hejmara tam", kind_number = "hejmar", kind_date = "dîrok",
  kind_boolean = "erê an na", kind_string = "nivîs",

  holdings = "Çi li vir e", disk_files = "Dosye", disk_records = "Tomar",
  disk_index = "Îndeks û cih",
  n_documents = "Tomarên ji bo lêgerînê", n_collections = "Komik",
  n_parcels = "Pakêt", n_held = "Li benda roja xwe ne",
  n_disk = "Li ser dîskê", missing = "Çi kêm e",
  nothing_missing = "Ji yên ku li vir hatine navnîşkirin tiştek kêm nîne.",
  missing_record = "tomarek", missing_file = "dosyeyek",
  missing_part = "beşek ji dosyeyekê", wanted_by = "ev jê re pêwîst e",
  follows = "Ev rawestgeh çi dixwaze",
  follows_nothing = "Tiştek nehatiye hilbijartin: her tiştî dixwaze.",
  files_up_to = "dosye heta {size}",

  take_title = "Vê bi xwe re bibe",
  take_text = "Dosyeya barkirinê ya ku li vir e digihîne rawestgeheke bê "
    .. "girêdan: li ser USB, telefon an karta bîrê. Rawestgeha din her perçeyê "
    .. "wê kontrol dike.",
  take_carry = "Dosyeya barkirinê", take_pattern = "Navekî wek edu/physics, "
    .. "an edu/* ji bo her tiştê di bin de. Vala: her tişt.",
  take_files = "Dosye", files_all = "hemû dosye",
  files_small = "dosye heta 10 MB", files_none = "bê dosye",
  take_make = "Amade bike û tomar bike",
  take_slip = "Pisûla vê rawestgehê",
  take_slip_text = "Dosyeyeke biçûk ku dibêje çi li vir e û çi tê xwestin. Yê "
    .. "ku diçe rawestgeheke din bi xwe re dibe û bi tenê tiştên kêm vedigere.",
  take_slip_get = "Pisûlê tomar bike",
  bring_title = "Te tiştek anî?",
  bring_text = "Dosyeya barkirinê li vir tê wergirtin. Ji bo pisûla kesekî tu "
    .. "dosyeya barkirinê ya bi tenê tiştên kêm werdigirî.",
  bring_drop = "Dosyeya barkirinê an pisûlekê li vir deyne, an hilbijêre",
  needs_script = "Ev beş JavaScript dixwaze. Xwendin bê wê jî dixebite.",
  read_only = "Bi vê girêdanê rawestgeh tenê tê xwendin. Ji bo weşandin an "
    .. "anîna tiştekî ekrana rawestgehê bi xwe bi kar bîne.",

  publish_title = "Weşandin",
  publish_text = "Ya ku tu diweşînî ji her kesî re vekirî ye û ji rawestgehekê "
    .. "diçe rawestgeheke din. Dikare were vekişandin, lê ji wan ên ku "
    .. "vekişandin nagihîje wan nayê vegerandin.",
  pair_text = "Ji bo weşandinê nîşan bide ku tu li ber rawestgehê yî: kodek li "
    .. "ser ekrana wê xuya dibe.",
  pair_show = "Kodekê li wir nîşan bide", pair_code = "Kod",
  pair_open = "Veke", drafts = "Reşnivîs", lock = "Dabixe",
  title = "Sernav", text = "Nivîs", reason = "Sedem",
  files_drop = "Dosyeyan li vir deyne, an hilbijêre",
  preview = "Pêşdîtin", save_draft = "Wek reşnivîs tomar bike",
  publish_go = "Biweşîne", withdraw = "Vekişîne",
  withdraw_text = "Di cih de li vir winda dibe, û li her derê ku vekişandin "
    .. "digihîjê.",
  edit = "Guhertoya nû an vekişandin",
  js_uploading = "Tê barkirin", js_working = "Dixebite", js_done = "Qediya",
  js_failed = "Çênebû:", js_wrong_code = "Ev ne kod e.",
  js_code_shown = "Kod li ser ekrana rawestgehê ye.",
  js_draft_saved = "Reşnivîs hat tomarkirin.", js_open = "Veke",
  js_added = "tomar lê zêde bûn", js_offline = "Rawestgeh bersivê nade.",
  js_remove = "Rake", js_withdrawn = "Hat vekişandin.",
  js_fetch = "Dosyeya barkirinê tomar bike",

  help_lead = "Rawestgeh daneyên ku mirov parve dikin diparêze, dibîne û "
    .. "digihîne. Ji bo vê Înternet ne pêwîst e.",
  help_find = "Bibîne", help_find_text = "Peyvan di qada lêgerînê de binivîse. "
    .. "Erebî û Kurdî çawa hatibin nivîsandin jî tên dîtin.",
  help_take = "Bi xwe re bibe", help_take_text = "Dosyeya barkirinê li ser "
    .. "USB tomar bike û bibe rawestgeheke din. Pisûl pêşî dibêje li wir çi "
    .. "kêm e, loma tiştek du caran nayê birin.",
  help_publish = "Parve bike", help_publish_text = "Li ber rawestgehê bi xwe "
    .. "«Biweşîne» veke û koda ser ekranê binivîse. Lîsanseke vekirî "
    .. "hilbijêre.",
  help_cut = "Dema tor qut dibe", help_cut_text = "Her tişt li vir li ser tora "
    .. "herêmî berdewam dike. USB wê dûrtir dibin.",
  help_trust = "Bi çi bawer bikî", help_trust_text = "Her tişt ji aliyê "
    .. "weşangerê xwe ve hatiye îmzekirin û hatiye kontrolkirin. Ka rast e an "
    .. "na, mirov dibêjin: rastkirin û nîşan li jor in.",
  help_machines = "Ji bo bernameyan",

  type_lesson = "Ders", type_dataset = "Dane", type_news = "Nûçe",
  type_book = "Pirtûk", type_event = "Çalakî", type_idea = "Fikir",
  type_correction = "Rastkirin", type_retraction = "Paşvekişandin",
  type_clarification = "Zelalkirin", type_update = "Nûkirin",
  type_label = "Nîşan", type_comment = "Şîrove", type_withdraw = "Vekişandin",
  type_profile = "Rawestgeh", type_forecast = "Pêşbînî",
  type_evidence = "Delîl", type_holdings = "Tiştên heyî",
} }
