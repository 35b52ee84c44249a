#include "core/json.hpp"

#include <unordered_set>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "core/files.hpp"

namespace streamtube::core {

namespace {

// Builds the value from the library's events. Its own builder looks every key up in all that came before, and knows no
// limit of depth.
class Builder {
 public:
  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(Json::number_integer_t value) { return add(value); }
  bool number_unsigned(Json::number_unsigned_t value) { return add(value); }
  bool number_float(Json::number_float_t value, const std::string&) { return add(value); }
  bool string(std::string& value) { return add(std::move(value)); }
  bool binary(Json::binary_t&) { return stop("binary data"); }
  bool start_object(std::size_t) { return open(Json::object()); }
  bool start_array(std::size_t) { return open(Json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }

  bool key(std::string& name) {
    if (!open_.back().keys.insert(name).second) return stop(str("the key '", name.substr(0, 80), "' is there twice"));
    key_ = std::move(name);
    return true;
  }

  bool parse_error(std::size_t, const std::string&, const Json::exception& error) {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: ..."
    std::string what = error.what();
    if (const auto at = what.find("at line"); at != std::string::npos) what.erase(0, at);
    if (what.size() > kMostLetters) what.replace(kMostLetters, std::string::npos, "...");
    return stop(what);
  }

  const std::string& fault() const { return fault_; }
  Json take() { return std::move(root_); }

 private:
  static constexpr std::size_t kMostLetters = 200;

  struct Open {
    Json* value;
    std::unordered_set<std::string> keys;
  };

  bool stop(std::string what) {
    fault_ = std::move(what);
    return false;
  }

  Json* place(Json&& value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Json& parent = *open_.back().value;
    if (parent.is_array()) {
      auto& list = parent.get_ref<Json::array_t&>();
      list.push_back(std::move(value));
      return &list.back();
    }
    auto& object = parent.get_ref<Json::object_t&>();
    object.emplace_back(std::move(key_), std::move(value));
    return &object.back().second;
  }

  template <class T>
  bool add(T&& value) {
    place(Json(std::forward<T>(value)));
    return true;
  }

  bool open(Json&& value) {
    if (open_.size() >= static_cast<std::size_t>(kMostJsonDepth))
      return stop(str("its lists and objects lie more than ", kMostJsonDepth, " deep in one another"));
    Json* placed = place(std::move(value));
    open_.push_back({placed, {}});
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  Json root_;
  std::vector<Open> open_;
  std::string key_, fault_;
};

// The value, or what is wrong.
std::pair<Json, std::string> parse(std::string_view text) {
  if (text.size() > kMostJsonBytes)
    return {Json(Json::value_t::discarded),
            str("it takes ", text.size(), " bytes, at most ", kMostJsonBytes, " are read")};
  Builder builder;
  if (Json::sax_parse(text.begin(), text.end(), &builder, Json::input_format_t::json, true, true))
    return {builder.take(), {}};
  return {Json(Json::value_t::discarded), builder.fault()};
}

}  // namespace

Json parse_json(std::string_view text, const std::string& where, const std::string& hint) {
  auto [json, fault] = parse(text);
  if (!fault.empty()) throw Error(ErrorKind::input, str(where, ": is not valid JSON: ", fault), hint);
  return std::move(json);
}

Json try_json(std::string_view text) { return parse(text).first; }

Json read_json(const std::string& path, const std::string& hint) {
  return parse_json(read_text(path), str("'", path, "'"), hint);
}

std::string json_text(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace streamtube::core
