/* SPDX-License-Identifier: 0BSD */
/* Xapian as a peer of the search benches: reads commands, a line each, and
 * answers those that ask.
 *
 *   + TEXT     a document, numbered from 1; no answer
 *   .          that was all of them: "SECONDS BYTES"
 *   ? WORDS    the best ten that hold any of the words: "SECONDS NUMBER..."
 *
 * Arguments: the folder of its index, which goes when the input ends, and the
 * stemmer ("none": without).
 * Seconds are of the processor alone when $CPU is set. */
#include <xapian.h>

#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <iostream>
#include <string>

static double now()
{
  static const bool cpu = std::getenv("CPU") != nullptr;
  struct timespec t;
  clock_gettime(cpu ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return double(t.tv_sec) + double(t.tv_nsec) / 1e9;
}

static uintmax_t bytes_of(const std::string &folder)
{
  uintmax_t n = 0;
  for (const auto &f : std::filesystem::directory_iterator(folder)) {
    n += f.is_regular_file() ? f.file_size() : 0;
  }
  return n;
}

static void add(Xapian::WritableDatabase &db, Xapian::TermGenerator &terms,
                const std::string &text)
{
  Xapian::Document d;
  terms.set_document(d);
  terms.index_text_without_positions(text);
  db.add_document(d);
}

static void ask(const std::string &folder, Xapian::QueryParser &parser,
                const std::string &words)
{
  static Xapian::Database db(folder);
  double t = now();
  Xapian::Enquire enquire(db);
  enquire.set_query(parser.parse_query(words, 0));
  Xapian::MSet found = enquire.get_mset(0, 10);
  std::string answer;
  for (Xapian::MSetIterator i = found.begin(); i != found.end(); ++i) {
    answer += " " + std::to_string(*i);
  }
  std::cout << now() - t << answer << std::endl;
}

static void serve(const std::string &folder, const Xapian::Stem &stemmer)
{
  Xapian::WritableDatabase db(folder, Xapian::DB_CREATE_OR_OVERWRITE);
  Xapian::TermGenerator terms;
  Xapian::QueryParser parser;
  std::string line;
  double spent = 0;
  terms.set_stemmer(stemmer);
  parser.set_stemmer(stemmer);
  parser.set_stemming_strategy(Xapian::QueryParser::STEM_SOME);
  while (std::getline(std::cin, line)) {
    std::string rest = line.size() > 2 ? line.substr(2) : "";
    if (line[0] == '?') {
      ask(folder, parser, rest);
      continue;
    }
    double t = now();
    if (line[0] == '+') {
      add(db, terms, rest);
    } else {
      db.commit();
      db.close();
    }
    spent += now() - t;
    if (line[0] == '.') {
      std::cout << spent << " " << bytes_of(folder) << std::endl;
    }
  }
  std::filesystem::remove_all(folder);
}

int main(int argc, char **argv)
{
  if (argc != 3) {
    std::cerr << "search_xapian FOLDER STEMMER\n";
    return 2;
  }
  try {
    bool none = std::strcmp(argv[2], "none") == 0;
    serve(argv[1], none ? Xapian::Stem() : Xapian::Stem(argv[2]));
  } catch (const Xapian::Error &e) {
    std::cerr << "search_xapian: " << e.get_description() << "\n";
    return 1;
  }
  return 0;
}
