#pragma once

#include <string>

#include "surrogate/checkpoint/checkpoint.hpp"

namespace streamtube::apps {

// Names the checkpoint of those who have a model of their own: what commands take without --model.
inline constexpr const char* kModelVariable = "STREAMTUBE_MODEL";
inline constexpr const char* kModelHelp = "Checkpoint (.h5); default: $STREAMTUBE_MODEL, else the built-in model";

inline constexpr const char* kMemberHelp =
    "Of a model with several members, whose answer is their mean, this one alone (1 ...): a quick look";

// The checkpoint of a file; for an empty path that of kModelVariable, or else the built-in one.
surrogate::Checkpoint load_model(const std::string& path);
// Of a model with several members the one that --member names, counted from 1; 0: all. Error(usage) for one that it has
// not. name: of the model, for messages.
surrogate::Checkpoint member_of(surrogate::Checkpoint model, std::size_t member, const std::string& name);
// Says where its own errors are so large that it should not be relied on.
void warn_if_poor(const surrogate::Checkpoint& model);
// What it takes, in words for messages: the path, or where else the model comes from.
std::string model_source(const std::string& path);

// The model's training range of a quantity; null where it does not say.
const surrogate::Range* range_of(const surrogate::Checkpoint& model, const char* quantity);
// "0.8843..1.209 m"
std::string span_text(const surrogate::Range& range);
// The model's summary on stdout.
void print_model(const surrogate::Checkpoint& checkpoint, bool json);

}  // namespace streamtube::apps
