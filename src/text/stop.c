/* SPDX-License-Identifier: 0BSD */
#include "text/stop.h"

#include <string.h>

/* Folded, sorted by bytes: prepositions, pronouns, conjunctions, question
 * words, forms of "be", "have", "do". */

static const char *const arabic[] = {
    "اذ",     "اذا",   "الا",  "التي",  "الذي",  "الذين", "اللاتي", "اللتان",
    "اللذان", "الي",   "اليه", "اليها", "اليهم", "ام",    "اما",    "امام",
    "ان",     "انا",   "انت",  "انتم",  "انه",   "انها",  "انهم",   "او",
    "اي",     "ايضا",  "اين",  "ايه",   "ب",     "بان",   "بانه",   "بعد",
    "بعض",    "بك",    "بل",   "بما",   "به",    "بها",   "بهذا",   "بهم",
    "بي",     "بين",   "تحت",  "تكون",  "تلك",   "ثم",    "حتي",    "حول",
    "حيث",    "حين",   "خلال", "دون",   "ذا",    "ذات",   "ذلك",    "ذو",
    "ربما",   "سوف",   "سوي",  "ضد",    "علي",   "عليه",  "عليها",  "عليهم",
    "عما",    "عن",    "عند",  "عندما", "عنه",   "عنها",  "عنهم",   "غير",
    "ف",      "فان",   "فقد",  "فقط",   "فهو",   "فهي",   "فوق",    "في",
    "فيما",   "فيه",   "فيها", "فيهم",  "قبل",   "قد",    "ك",      "كان",
    "كانت",   "كانوا", "كذلك", "كل",    "كلا",   "كم",    "كما",    "كنت",
    "كيف",    "ل",     "لا",   "لان",   "لانه",  "لانها", "لدي",    "لذلك",
    "لقد",    "لك",    "لكن",  "لم",    "لما",   "لماذا", "لن",     "لنا",
    "له",     "لها",   "لهذا", "لهم",   "لو",    "لولا",  "لي",     "ليس",
    "ليست",   "ليسوا", "ما",   "ماذا",  "متي",   "مع",    "معه",    "معها",
    "مما",    "من",    "منذ",  "منك",   "منه",   "منها",  "منهم",   "مني",
    "نحن",    "نحو",   "هذا",  "هذان",  "هذه",   "هل",    "هم",     "هن",
    "هنا",    "هناك",  "هو",   "هولا",  "هي",    "و",     "والتي",  "والذي",
    "والي",   "وان",   "وبين", "وتلك",  "وذلك",  "ورا",   "وعلي",   "وعن",
    "وفي",    "وقد",   "وكان", "وكانت", "وكل",   "ولا",   "ولكن",   "ولم",
    "ولن",    "وما",   "ومن",  "وهذا",  "وهذه",  "وهم",   "وهو",    "وهي",
    "يا",     "يكون",
};

static const char *const sorani[] = {
    "به",      "بهبي",   "بهرامبهر", "بهلام",  "بهلكو",   "بهم",     "بهمه",
    "بههوي",   "بهو",    "بهوه",     "بهپيي",  "بو",      "بوو",     "بوون",
    "بووه",    "بوي",    "بويان",    "بوچي",   "بي",      "بيت",     "تا",
    "تر",      "تو",     "تي",       "تيي",    "جا",      "جگه",     "خو",
    "خوت",     "خوم",    "خومان",    "خوي",    "خويان",   "دا",      "دهبي",
    "دهبيت",   "دهدات",  "دهكات",    "دهكريت", "دهكهن",   "دهگهل",   "دواي",
    "دي",      "رو",     "زور",      "سهر",    "كاتي",    "كاتيك",   "كرد",
    "كردن",    "كه",     "كهم",      "كهي",    "كو",      "كوي",     "كي",
    "لاي",     "له",     "لهبارهي",  "لهبهر",  "لهسهر",   "لهلايهن", "لهم",
    "لهمه",    "لهناو",  "لهنيو",    "لهو",    "لهوه",    "لهژير",   "لهگهل",
    "لي",      "ليي",    "لييان",    "من",     "ن",       "نا",      "نابيت",
    "ناو",     "نه",     "نهبوو",    "نهك",    "نيه",     "نيوان",   "نييه",
    "ههبوو",   "ههتا",   "ههر",      "ههروا",  "ههروهها", "ههموو",   "ههن",
    "ههندي",   "ههنديك", "ههيه",     "هيچ",    "و",       "وا",      "وهك",
    "وهكو",    "ي",      "يا",       "يان",    "ياوا",    "يايا",    "يهك",
    "يهم",     "يهمانه", "يهمه",     "يهمهي",  "يهو",     "يهوان",   "يهوانه",
    "يهوانهي", "يهوه",   "يهوهي",    "يهي",    "يهگهر",   "ييستا",   "ييمه",
    "يينجا",   "ييوه",   "پاش",      "پي",     "پيش",     "پيي",     "پييان",
    "چ",       "چهند",   "چون",      "چونكه",  "چي",      "گهر",
};

static const char *const english[] = {
    "a",     "about",   "after", "again",  "against", "all",        "also",
    "am",    "an",      "and",   "any",    "are",     "as",         "at",
    "be",    "because", "been",  "before", "being",   "between",    "both",
    "but",   "by",      "can",   "could",  "did",     "do",         "does",
    "doing", "don",     "down",  "during", "each",    "few",        "for",
    "from",  "further", "had",   "has",    "have",    "having",     "he",
    "her",   "here",    "hers",  "him",    "his",     "how",        "i",
    "if",    "in",      "into",  "is",     "it",      "its",        "itself",
    "just",  "ll",      "many",  "me",     "more",    "most",       "much",
    "my",    "myself",  "no",    "nor",    "not",     "now",        "of",
    "off",   "on",      "once",  "only",   "or",      "other",      "our",
    "ours",  "out",     "over",  "own",    "re",      "s",          "same",
    "she",   "should",  "so",    "some",   "such",    "t",          "than",
    "that",  "the",     "their", "theirs", "them",    "themselves", "then",
    "there", "these",   "they",  "this",   "those",   "through",    "to",
    "too",   "under",   "until", "up",     "ve",      "very",       "was",
    "we",    "were",    "what",  "when",   "where",   "which",      "while",
    "who",   "whom",    "whose", "why",    "will",    "with",       "would",
    "you",   "your",    "yours",
};

static const char *const kurmanji[] = {
    "an",      "be",    "bele",    "ber",   "beri", "bi",    "bin",   "bo",
    "bu",      "bun",   "cawa",    "ci",    "cima", "da",    "de",    "dema",
    "derbare", "di",    "dibe",    "dibin", "dike", "dikin", "e",     "edi",
    "eger",    "em",    "ev",      "ew",    "ez",   "gelek", "gor",   "gori",
    "hat",     "hatin", "hatiye",  "he",    "hebu", "heger", "heke",  "hemu",
    "hene",    "her",   "heta",    "hev",   "heye", "hin",   "hinek", "hun",
    "i",       "im",    "in",      "je",    "ji",   "ke",    "kem",   "kenge",
    "kengi",   "ki",    "kijan",   "kir",   "kiri", "kirin", "ko",    "ku",
    "le",      "lewra", "li",      "ligel", "me",   "min",   "mina",  "na",
    "nabe",    "nav",   "navbera", "ne",    "niha", "nine",  "pas",   "pe",
    "pes",     "pir",   "pisti",   "ra",    "re",   "ser",   "ta",    "te",
    "tene",    "tu",    "tune",    "u",     "va",   "van",   "vana",  "ve",
    "vi",      "vir",   "wan",     "we",    "wek",  "weke",  "weki",  "wi",
    "wir",     "xwe",   "xwedi",   "ya",    "yan",  "ye",    "yek",   "yen",
    "zede",
};

static bool among(const char *const *list, size_t n, struct span token)
{
  size_t from = 0;
  while (from < n) {
    size_t mid = from + (n - from) / 2;
    int order = span_compare(token, span_of(list[mid], strlen(list[mid])));
    if (order == 0) {
      return true;
    }
    if (order < 0) {
      n = mid;
    } else {
      from = mid + 1;
    }
  }
  return false;
}

#define AMONG(list, token) among(list, sizeof list / sizeof list[0], token)

bool stop_word(enum lang lang, struct span token)
{
  switch (lang) {
  case LANG_AR:
    return AMONG(arabic, token);
  case LANG_CKB:
    return AMONG(sorani, token);
  case LANG_EN:
    return AMONG(english, token);
  case LANG_KMR:
    return AMONG(kurmanji, token);
  case LANG_NONE:
  case LANG_COUNT:
    break;
  }
  return false;
}
