#include "apps/cli/loss_picture.hpp"

#include <vtkAxis.h>
#include <vtkChartLegend.h>
#include <vtkChartXY.h>
#include <vtkContextActor.h>
#include <vtkContextScene.h>
#include <vtkDoubleArray.h>
#include <vtkGenericOpenGLRenderWindow.h>
#include <vtkPen.h>
#include <vtkPlotPoints.h>
#include <vtkRenderer.h>
#include <vtkStringArray.h>
#include <vtkTable.h>
#include <vtkTextProperty.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "apps/cli/offscreen.hpp"
#include "core/error.hpp"

namespace streamtube::apps {

using core::Error;
using core::ErrorKind;
using core::str;

namespace {

constexpr int kWidth = 1600, kHeight = 1200;

// A curve of a chart: y over x, both positive; the whole is drawn in black, its parts in colours.
struct Series {
  std::string name;
  std::vector<double> x, y;
  bool whole = false;
};

// A chart with a logarithmic y axis over 0 .. last in a part of the window (left, bottom, right, top).
void add_chart(vtkRenderWindow* window, const std::vector<Series>& series, const std::array<double, 4>& place,
               const std::string& title, const std::string& y_title, double last, bool markers) {
  // Told apart by the colour-blind too (Okabe and Ito).
  constexpr unsigned char kColours[][3] = {{0, 114, 178},   {213, 94, 0},   {0, 158, 115},
                                           {204, 121, 167}, {86, 180, 233}, {230, 159, 0},
                                           {120, 120, 120}, {0, 60, 90},    {130, 50, 0}};
  vtkNew<vtkChartXY> chart;
  std::size_t colour = 0;
  double low = 1e300, high = 0;
  for (const Series& s : series) {
    vtkNew<vtkDoubleArray> x, y;
    x->SetName("update"), y->SetName(s.name.c_str());
    for (const double v : s.x) x->InsertNextValue(v);
    for (const double v : s.y) y->InsertNextValue(v), low = std::min(low, v), high = std::max(high, v);
    vtkNew<vtkTable> table;
    table->AddColumn(x), table->AddColumn(y);
    auto* plot = vtkPlotPoints::SafeDownCast(chart->AddPlot(vtkChart::LINE));
    plot->SetInputData(table, 0, 1);
    constexpr unsigned char kBlack[3] = {20, 20, 20};
    const unsigned char* c = s.whole ? kBlack : kColours[colour++ % std::size(kColours)];
    plot->SetColor(c[0], c[1], c[2], 255);
    plot->SetWidth(s.whole ? 4.0f : 2.5f);
    plot->SetMarkerStyle(markers || s.x.size() == 1 ? vtkPlotPoints::CIRCLE : vtkPlotPoints::NONE);
    plot->SetMarkerSize(9);
  }
  for (const int side : {vtkAxis::LEFT, vtkAxis::BOTTOM}) {
    vtkAxis* axis = chart->GetAxis(side);
    axis->SetTitle(side == vtkAxis::LEFT ? y_title : "update");
    axis->GetLabelProperties()->SetFontSize(22);
    axis->GetTitleProperties()->SetFontSize(24);
    axis->GetTitleProperties()->BoldOff();
    axis->GetGridPen()->SetColor(215, 215, 215, 255);
  }
  vtkAxis* x_axis = chart->GetAxis(vtkAxis::BOTTOM);
  x_axis->SetBehavior(vtkAxis::FIXED);
  x_axis->SetUnscaledRange(0, 1.01 * last);
  vtkAxis* y_axis = chart->GetAxis(vtkAxis::LEFT);
  y_axis->SetLogScale(true);
  y_axis->SetBehavior(vtkAxis::FIXED);
  // A little room for the markers at both ends, and at least a factor of two.
  const double room = std::max(1.08, std::sqrt(2 * low / high)), bottom = low / room, top = high * room;
  vtkNew<vtkDoubleArray> ticks;
  vtkNew<vtkStringArray> labels;
  for (double decade = std::pow(10, std::floor(std::log10(bottom))); decade <= top; decade *= 10)
    for (const double m : top / bottom > 1000 ? std::vector<double>{1.0} : std::vector<double>{1.0, 2.0, 3.0, 5.0, 7.0})
      if (const double at = m * decade; at >= bottom && at <= top)
        ticks->InsertNextValue(std::log10(at)), labels->InsertNextValue(str(at));
  y_axis->SetUnscaledRange(bottom, top);
  y_axis->SetCustomTickPositions(ticks, labels);
  chart->SetTitle(title);
  chart->GetTitleProperties()->SetFontSize(26);
  chart->SetShowLegend(true);
  chart->GetLegend()->SetInline(false);
  chart->GetLegend()->SetHorizontalAlignment(vtkChartLegend::RIGHT);
  chart->GetLegend()->SetVerticalAlignment(vtkChartLegend::TOP);
  chart->GetLegend()->SetLabelSize(22);
  chart->GetLegend()->GetPen()->SetLineType(vtkPen::NO_PEN);

  vtkNew<vtkContextActor> actor;
  vtkNew<vtkRenderer> renderer;
  renderer->SetViewport(place[0], place[1], place[2], place[3]);
  renderer->SetBackground(1, 1, 1);
  actor->GetScene()->AddItem(chart);
  actor->GetScene()->SetRenderer(renderer);
  renderer->AddActor(actor);
  window->AddRenderer(renderer);
}

}  // namespace

void write_loss_picture(const std::string& path, const surrogate::Curves& curves, const std::string& title) {
  draw_png(path, kWidth, kHeight, [&](vtkGenericOpenGLRenderWindow* window) {
    // A field has one colour in both charts: that of its place among the parts of the loss.
    std::vector<Series> loss, validation;
    for (const std::string& column : curves.columns) {
      const std::string prefix = "validation/";
      const bool of_validation = column.rfind(prefix, 0) == 0;
      const std::string name = of_validation ? column.substr(prefix.size()) : column;
      const bool whole = column == "loss" || name == "mean", part = name.find('/') != std::string::npos;
      if (!whole && !part) continue;
      Series s{name, {}, {}, whole};
      std::replace_if(s.name.begin(), s.name.end(), [](char c) { return c == '/' || c == '_'; }, ' ');
      for (const auto& [update, row] : curves.rows)
        if (const auto value = row.find(column);
            value != row.end() && value->second > 0 && std::isfinite(value->second)) {
          s.x.push_back(static_cast<double>(update));
          s.y.push_back(of_validation ? 100 * value->second : value->second);
        }
      if (!s.x.empty()) (of_validation ? validation : loss).push_back(std::move(s));
    }
    if (loss.empty()) throw Error(ErrorKind::runtime, "no loss was logged yet");
    const double last = curves.rows.empty() ? 1 : static_cast<double>(curves.rows.rbegin()->first);
    const double middle = validation.empty() ? 0 : 0.5;
    add_chart(window, loss, {0, middle, 1, 1}, title, "loss (mean squared error, normalised)", last, false);
    if (!validation.empty())
      add_chart(window, validation, {0, 0, 1, middle}, "", "validation: relative L2 error, %", last, true);
  });
}

}  // namespace streamtube::apps
