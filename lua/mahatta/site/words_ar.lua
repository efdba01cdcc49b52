-- SPDX-License-Identifier: 0BSD
-- What the site says in Arabic.

return { code = "ar", tag = "ar", dir = "rtl", say = {
  own_name = "العربية",
  name = "المحطة",
  motto = "بيانات مفتوحة للجميع، بلا قيد أو شرط.",
  skip = "انتقل إلى المحتوى",
  menu = "القائمة", languages = "اللغات", as_of = "حتى",
  menu_collections = "المجموعات", menu_station = "هذه المحطة",
  menu_take = "خذ معك", menu_publish = "انشر", menu_help = "مساعدة",
  search = "بحث", search_hint = "دروس، بيانات، أخبار …",
  search_here = "ابحث هنا", more = "المزيد", feed = "خلاصة",
  to_home = "إلى الصفحة الأولى",
  not_found = "ليس هنا",
  not_found_text = "لا شيء تحت هذا العنوان في هذه المحطة.",
  busy = "لحظة من فضلك", busy_text = "يُحضَّر الآن ملف حمل آخر. "
    .. "حاول مرة أخرى بعد نصف دقيقة.",
  broken = "تعذّر ذلك",
  broken_text = "لم تستطع المحطة أن تجيب. يجد القائم عليها السبب في السجل.",

  hero = "ابحث، خذ، وأوصِل إلى غيرك",
  hero_text = "دروس وبيانات وأخبار يشاركها الناس مع الجميع. كل شيء هنا يعمل "
    .. "حتى عند انقطاع الإنترنت.",
  counts = "السجلات: {records} · المجموعات: {collections} · على القرص: {size}",
  newest = "الأحدث",
  nothing_by_author = "لا شيء هنا من هذا الناشر.",
  nothing_here = "لم يُنشر شيء هنا بعد.",
  all_collections = "كل المجموعات وعددها {n}",
  take_short = "أحدهم مسافر إلى مكان بلا اتصال؟ أعطه ملفًا فيه كل هذا أو "
    .. "جزء منه.",
  take_link = "خذ هذا معك",
  publish_short = "عندك ما يحتاجه غيرك؟ شاركه هنا.",
  publish_link = "انشر شيئًا",

  query = "كلمات", collection = "المجموعة", kind = "النوع",
  narrow = "تضييق البحث", take_off = "(إزالة)",
  did_you_mean = "هل تقصد",
  found = "النتائج: {n}",
  nothing_found = "لم يُعثر على شيء عن {q}.",
  search_help = "اكتب كلمة أو أكثر. لا يهم كيف تُكتب الألف والياء والكاف "
    .. "والحركات.",
  has_files = "مع ملفات",
  facet_collection = "المجموعة", facet_type = "النوع",
  facet_lang = "اللغة", facet_author = "الناشر", facet_year = "السنة",
  facet_files = "الملفات",

  no_title = "(بلا عنوان)", author = "الناشر",
  this_station = "هذه هي المحطة التي تتصفحها.",
  said = "ما يقوله الآخرون عن هذا", label_by = "يقول",
  newer_version = "توجد نسخة أحدث", about_it = "عن هذا السجل",
  license = "الرخصة", no_license = "لم تُذكر",
  held_by = "النسخ", held_here = "هنا؛ لم تُخبر محطة أخرى بأن عندها نسخة",
  held_by_others = "هنا، وفي محطات أخرى أخبرت بذلك عددها {n}",
  tags = "الوسوم", language = "اللغة", source = "المصدر",
  created = "تاريخ الإنشاء", about = "يتعلق بـ", id = "المعرّف",
  machines = "للبرامج", as_data = "كل الحقول",
  cite = "كيف يُستشهد به", history = "النسخ السابقة واللاحقة",
  comments = "ما يشير إليه",
  whole_text = "اعرض النص كاملًا", all_files = "اعرض كل الملفات",
  files = "الملفات", download = "احفظ", show_table = "اعرض كجدول",
  first_rows = "الصفوف الأولى وعددها {n}.",
  not_here_yet = "لم يصل هذا الملف إلى هذه المحطة بعد.",
  kind_integer = "عدد صحيح", kind_number = "عدد", kind_date = "تاريخ",
  kind_boolean = "نعم أو لا", kind_string = "نص",

  holdings = "ما هو موجود هنا", disk_files = "الملفات",
  disk_records = "السجلات", disk_index = "الفهرس والمساحة",
  n_documents = "سجلات يمكن البحث فيها", n_collections = "المجموعات",
  n_parcels = "الرزم", n_held = "تنتظر يومها",
  n_disk = "على القرص", missing = "ما ينقص",
  nothing_missing = "لا ينقص شيء مما هو مذكور هنا.",
  missing_record = "سجل", missing_file = "ملف",
  missing_part = "جزء من ملف", wanted_by = "يحتاجه هذا",
  follows = "ما تطلبه هذه المحطة",
  follows_nothing = "لم يُحدَّد شيء، فهي تطلب كل شيء.",
  files_up_to = "ملفات حتى {size}",

  take_title = "خذ هذا معك",
  take_text = "ملف الحمل ينقل ما هنا إلى محطة بلا اتصال: على ذاكرة USB أو "
    .. "هاتف أو بطاقة ذاكرة. والمحطة الأخرى تتحقق من كل قطعة فيه.",
  take_carry = "ملف حمل", take_pattern = "اسم مثل edu/physics أو edu/* لكل "
    .. "ما تحته. إن تُرك فارغًا فكل شيء.",
  take_files = "الملفات", files_all = "كل الملفات",
  files_small = "ملفات حتى 10 MB", files_none = "بلا ملفات",
  take_make = "حضّره واحفظه",
  take_slip = "قسيمة هذه المحطة",
  take_slip_text = "ملف صغير يذكر ما هو هنا وما هو مطلوب. من يذهب إلى محطة "
    .. "أخرى يأخذه معه ويعود بما ينقص فقط.",
  take_slip_get = "احفظ القسيمة",
  bring_title = "هل أحضرت شيئًا؟",
  bring_text = "هنا يُستلم ملف الحمل. ومن جاء بقسيمة يحصل على ملف حمل فيه ما "
    .. "ينقص صاحبها فقط.",
  bring_drop = "أفلت هنا ملف حمل أو قسيمة، أو اختر ملفًا",
  needs_script = "هذا الجزء يحتاج JavaScript. أما القراءة كلها فتعمل بدونه.",
  read_only = "عبر هذا الاتصال تُقرأ المحطة فقط. للنشر أو لإحضار شيء استعمل "
    .. "شاشة المحطة نفسها.",

  publish_title = "النشر",
  publish_text = "ما تنشره مفتوح للجميع وينتقل من محطة إلى محطة. يمكن سحبه، "
    .. "لكن لا يمكن استرجاعه ممن لا يصلهم السحب.",
  pair_text = "للنشر أثبت أنك عند المحطة: سيظهر رمز على شاشتها.",
  pair_show = "أظهر رمزًا هناك", pair_code = "الرمز",
  pair_open = "افتح", drafts = "المسودات", lock = "أقفل",
  title = "العنوان", text = "النص", reason = "السبب",
  files_drop = "أفلت الملفات هنا أو اخترها",
  preview = "معاينة", save_draft = "احفظ كمسودة",
  publish_go = "انشر", withdraw = "اسحب",
  withdraw_text = "يختفي هنا فورًا، وحيثما وصل السحب.",
  edit = "نسخة جديدة أو سحب",
  js_uploading = "جارٍ الرفع", js_working = "جارٍ العمل", js_done = "تم",
  js_failed = "تعذّر ذلك:", js_wrong_code = "هذا ليس الرمز.",
  js_code_shown = "الرمز على شاشة المحطة.",
  js_draft_saved = "حُفظت المسودة.", js_open = "افتحه",
  js_added = "سجلات أُضيفت", js_offline = "المحطة لا تجيب.",
  js_remove = "أزل", js_withdrawn = "تم السحب.",
  js_fetch = "احفظ ملف الحمل",

  help_lead = "المحطة تحفظ البيانات التي يشاركها الناس وتعثر عليها وتوصلها. "
    .. "ولا تحتاج إلى الإنترنت لذلك.",
  help_find = "ابحث", help_find_text = "اكتب كلمات في حقل البحث. تُعثر على "
    .. "العربية والكردية كيفما كُتبت.",
  help_take = "خذ معك", help_take_text = "احفظ ملف حمل على ذاكرة USB وأحضره "
    .. "إلى محطة أخرى. والقسيمة تخبر أولًا بما ينقص هناك، فلا يُحمل شيء مرتين.",
  help_publish = "شارك", help_publish_text = "عند المحطة نفسها افتح «انشر» "
    .. "واكتب الرمز الذي على شاشتها. واختر رخصة مفتوحة.",
  help_cut = "عندما تنقطع الشبكة", help_cut_text = "كل شيء هنا يستمر بالعمل "
    .. "عبر الشبكة المحلية. والذاكرات تحمله إلى أبعد من ذلك.",
  help_trust = "بماذا تثق", help_trust_text = "كل شيء موقّع من ناشره ومتحقَّق "
    .. "منه بتًّا بتًّا. أما صدقه فيقوله الناس: التصحيحات والملصقات فوق النص.",
  help_machines = "للبرامج",

  type_lesson = "درس", type_dataset = "بيانات", type_news = "خبر",
  type_book = "كتاب", type_event = "فعالية", type_idea = "فكرة",
  type_correction = "تصحيح", type_retraction = "تراجع",
  type_clarification = "توضيح", type_update = "تحديث",
  type_label = "ملصق", type_comment = "تعليق", type_withdraw = "سحب",
  type_profile = "محطة", type_forecast = "توقّع",
  type_evidence = "دليل", type_holdings = "مقتنيات",
} }
