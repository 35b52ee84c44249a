#include "apps/cli/command.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <iostream>
#include <new>
#include <string_view>

#include "core/error.hpp"
#include "core/files.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "core/runtime.hpp"

namespace streamtube::apps {

using core::Error;
using core::ErrorKind;
using core::str;

namespace {
std::vector<std::string> words_of_run;
}

const std::vector<std::string>& command_line() { return words_of_run; }

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

std::string suggestion(const std::string& given, const std::vector<std::string>& names) {
  const std::string* best = nullptr;
  std::size_t distance = 1 + std::max<std::size_t>(2, given.size() / 3);
  for (const auto& name : names)
    if (const std::size_t d = core::edit_distance(given, name); d < distance) best = &name, distance = d;
  return best ? str("did you mean '", *best, "'?") : std::string();
}

namespace {

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

const char* kind_name(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage:
      return "usage";
    case ErrorKind::input:
      return "input";
    case ErrorKind::runtime:
      return "runtime";
    default:
      return "internal";
  }
}

// The path that a message begins with or names first, if there is such a file; else empty.
std::string file_of(const std::string& message) {
  const std::size_t begin = message.find('\''), end = message.find('\'', begin + 1);
  if (end == std::string::npos) return {};
  std::error_code ignored;
  const std::string path = message.substr(begin + 1, end - begin - 1);
  return std::filesystem::exists(path, ignored) ? path : std::string();
}

// json: also as an object on stdout, for programs.
int report(const Error& error, bool json) {
  core::log(core::LogLevel::error, error.what());
  const int code = core::exit_code(error.kind());
  if (json) {
    core::Json out = {{"kind", kind_name(error.kind())}, {"message", error.message()}, {"exit_code", code}};
    if (!error.hint().empty()) out["hint"] = error.hint();
    if (const std::string file = file_of(error.message()); !file.empty()) out["file"] = file;
    std::cout << core::json_text(core::Json{{"error", out}}, 2) << std::endl;
  }
  return code;
}

// A mistake on the command line, in our form; returns false when there was nothing wrong (help, version).
Error usage_error(const CLI::ParseError& error, const CLI::App& app, const CLI::App* chosen) {
  const std::string what = error.what();
  const std::string command = chosen ? chosen->get_name() : std::string();
  std::string hint = str("`", app.get_name(), " ", command, command.empty() ? "" : " ", "--help` lists the options");
  // "INI was not able to parse predict.velocty"
  if (dynamic_cast<const CLI::ConfigError*>(&error)) {
    std::string given = what.substr(what.rfind(' ') + 1);
    given = given.substr(given.rfind('.') + 1);
    std::vector<std::string> names;
    for (const CLI::App* one : {&app, chosen})
      if (one)
        for (const std::string& name : option_names(*one)) names.push_back(name.substr(2));
    if (const std::string near = suggestion(given, names); !near.empty()) hint = near + " " + hint;
    return {ErrorKind::usage, str("--config: there is no option '", given, "'"), hint};
  }
  if (dynamic_cast<const CLI::ExtrasError*>(&error)) {
    const auto begin = what.find("--");
    if (begin != std::string::npos) {
      const std::string given = what.substr(begin, what.find_first_of(" =", begin) - begin);
      auto names = option_names(app);
      if (chosen) {
        const auto more = option_names(*chosen);
        names.insert(names.end(), more.begin(), more.end());
      }
      if (const std::string near = suggestion(given, names); !near.empty()) hint = near + " " + hint;
      return {ErrorKind::usage, str("there is no option '", given, "'"), hint};
    }
  }
  return {ErrorKind::usage, what, hint};
}

// What an option's text must be beyond what CLI11 asks for: it takes nan and inf for numbers, wraps a negative number
// round where there is no sign, and reads the rest of a number that is too long as the largest.
void check_numbers(const CLI::App& app) {
  for (const CLI::App* command : app.get_subcommands()) check_numbers(*command);  // dataset import
  for (const CLI::Option* option : app.get_options()) {
    const std::string type = option->get_type_name();
    const bool real = type.find("FLOAT") != std::string::npos, natural = type.find("UINT") != std::string::npos;
    if (!real && !natural) continue;
    for (const std::string& word : option->results()) {
      const auto refuse = [&](const char* what) {
        throw Error(ErrorKind::usage, str(option->get_name(), ": '", word, "' is ", what),
                    "leave the option out to use the default");
      };
      char* end = nullptr;
      if (real && !std::isfinite(std::strtod(word.c_str(), &end)) && end != word.c_str()) refuse("not a finite number");
      if (!natural) continue;
      if (word.find('-') != std::string::npos) refuse("below 0");
      errno = 0;
      std::strtoull(word.c_str(), &end, 0);
      if (errno == ERANGE) refuse("more than 18446744073709551615");
    }
  }
}

int parse_and_execute(int argc, char** argv, const std::string& program,
                      const std::vector<std::unique_ptr<Command>>& commands) {
  CLI::App app(
      "Streamtube " + core::version() + ": a neural CFD surrogate. From a mesh file to flow fields for ParaView.",
      program);
  app.require_subcommand(1);
  app.fallthrough();
  app.set_help_flag("-h,--help", "Print this help and exit");
  app.set_version_flag("--version", program + " " + core::version(), "Print the version and exit");
  app.set_config("--config", "", "Read options from an INI or TOML file; a command's options stand in its [section]");
  bool quiet = false, verbose = false;
  app.add_flag("-q,--quiet", quiet, "Only warnings and errors on stderr");
  app.add_flag("-v,--verbose", verbose, "More detail on stderr")->excludes("--quiet");
  app.allow_config_extras(CLI::config_extras_mode::error);
  app.get_formatter()->column_width(34);

  std::vector<std::string> names;
  for (const auto& command : commands) {
    CLI::App* sub = app.add_subcommand(command->name(), command->summary());
    sub->set_help_flag("-h,--help", "Print this help and exit");
    command->declare(*sub);
    names.push_back(command->name());
  }
  if (argc < 2) {
    std::cerr << app.help();
    return core::exit_code(ErrorKind::usage);
  }
  // `help COMMAND` is `COMMAND --help`.
  char help[] = "--help";
  std::vector<char*> words(argv, argv + argc);
  if (std::string_view(argv[1]) == "help") {
    words.erase(words.begin() + 1);
    words.resize(std::min<std::size_t>(words.size(), 2));
    words.push_back(help);
    argc = static_cast<int>(words.size()), argv = words.data();
  }
  if (argv[1][0] != '-' && std::find(names.begin(), names.end(), argv[1]) == names.end())
    throw Error(ErrorKind::usage, str("there is no command '", argv[1], "'"),
                str(suggestion(argv[1], names), " `", program, " --help` lists the commands"));

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& done) {
    return app.exit(done);  // help or version, on stdout
  } catch (const CLI::ParseError& error) {
    const CLI::App* chosen = nullptr;
    for (const auto& name : names)
      if (argv[1] == name) chosen = app.get_subcommand(name);
    throw usage_error(error, app, chosen);
  }
  core::set_log_level(quiet ? core::LogLevel::warning : verbose ? core::LogLevel::debug : core::LogLevel::info);

  for (const auto& command : commands) {
    if (!app.got_subcommand(command->name())) continue;
    check_numbers(*app.get_subcommand(command->name()));
    command->validate();
    return command->execute();
  }
  return core::exit_code(ErrorKind::internal);
}

}  // namespace

int run(int argc, char** argv, const std::string& program, const std::vector<std::unique_ptr<Command>>& commands) {
  core::install_interrupt_handler();
  words_of_run.assign(argv, argv + argc);
  int code = 1;
  // "--" ends the options.
  const bool json =
      std::any_of(argv + std::min(argc, 1),
                  std::find_if(argv, argv + argc, [](const char* word) { return std::string_view(word) == "--"; }),
                  [](const char* word) { return std::string_view(word) == "--json"; });
  try {
    code = parse_and_execute(argc, argv, program, commands);
    std::cout.flush();
    if (!std::cout) throw Error(ErrorKind::runtime, "the results could not be written to stdout");
  } catch (const Error& error) {
    code = report(error, json);
  } catch (const core::Interrupted&) {
    core::log(core::LogLevel::error, "interrupted; nothing was left half-written");
    code = 130;
  } catch (const std::bad_alloc&) {
    code = report(
        Error(ErrorKind::runtime, str("out of memory (", core::peak_resident_memory() >> 20, " MiB were in use)"),
              "--dry-run tells what a run needs; a coarser volume (--cell) or --volume none needs less"),
        json);
  } catch (const std::filesystem::filesystem_error& error) {
    const std::string path = error.path1().string();
    const bool of_path = error.code() == std::errc::filename_too_long || error.code() == std::errc::not_a_directory ||
                         error.code() == std::errc::too_many_symbolic_link_levels;
    code = report(Error(of_path ? ErrorKind::input : ErrorKind::runtime,
                        str("'", path.substr(0, 200), path.size() > 200 ? "...': " : "': ", error.code().message()),
                        "check the path and the rights on it"),
                  json);
  } catch (const core::Json::exception& error) {
    code = report(Error(ErrorKind::input, str("a JSON file that was read is not as it should be: ", error.what()),
                        "--verbose names the files; make the damaged one anew"),
                  json);
  } catch (const std::exception& error) {
    code = report(Error(ErrorKind::internal, error.what(), "this is a bug in Streamtube; please report it"), json);
  }
  core::remove_temporaries();
  return code;
}

}  // namespace streamtube::apps
