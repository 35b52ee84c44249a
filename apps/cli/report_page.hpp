#pragma once
// The page that `report` makes of a sweep's results: one HTML file that needs no network.

#include <string>
#include <utility>
#include <vector>

#include "solver/sweep/results_table.hpp"

namespace streamtube::apps {

const std::vector<std::pair<std::string, std::string>>& report_templates();  // file name, text; written by CMake

struct ReportPicture {
  std::string title, caption;
  std::string png;  // the file's bytes
};

// file: sweep.json; `sweep`: its text. Throws Error(input) when it is none.
std::string report_page(const std::string& file, const std::string& sweep, const std::vector<solver::Row>& rows,
                        const std::vector<ReportPicture>& pictures, const std::string& no_pictures);

// "0.2712"; "-" for what is no number.
std::string fixed_text(double value, int digits);
// RFC 4648.
std::string base64(const std::string& bytes);

}  // namespace streamtube::apps
