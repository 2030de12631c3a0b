package main

import (
	"cmp"
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
)

// A chart is how long each tool takes by the number of hosts, drawn as SVG in
// colours that suit light and dark pages.
type chart struct {
	title string
	hosts []int    // left to right
	bound float64  // seconds below which no tool can be
	lines []series // one a tool
}

// series is a tool's line.
type series struct {
	tool    string
	seconds map[int]float64 // by hosts; what failed is not there
}

// add notes what a tool took.
func (c *chart) add(tool string, hosts int, seconds float64) {
	i := slices.IndexFunc(c.lines, func(l series) bool { return l.tool == tool })
	if i < 0 {
		i = len(c.lines)
		c.lines = append(c.lines, series{tool, map[int]float64{}})
	}
	c.lines[i].seconds[hosts] = seconds
}

// complete reports whether each of the tools has all of its points.
func (c *chart) complete() bool {
	return len(c.lines) == len(fetchers()) && !slices.ContainsFunc(c.lines, func(l series) bool { return len(l.seconds) != len(c.hosts) })
}

// Sizes of the drawing, in its own units.
const (
	wide, high  = 720, 400
	left, right = 64, 560 // of the axes; labels stand to the right
	top, bottom = 56, 344
	labelGap    = 18 // between two labels
)

// style has the colours; a reader who prefers dark pages gets lighter ones.
const style = `<style>
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-size: 15px; font-weight: 600 }
.grid { stroke: #d0d7de; stroke-width: 1 }
.line { fill: none; stroke-width: 2.5; stroke-linejoin: round }
.minimega { stroke: #0969da } .minimega-dot, .minimega-text { fill: #0969da }
.aria2 { stroke: #bc4c00 } .aria2-dot, .aria2-text { fill: #bc4c00 }
.rsync { stroke: #8250df } .rsync-dot, .rsync-text { fill: #8250df }
.bound { stroke: #57606a; stroke-dasharray: 5 4 } .bound-text { fill: #57606a }
.minimega-text, .aria2-text, .rsync-text { font-weight: 600 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.grid { stroke: #30363d }
.minimega { stroke: #58a6ff } .minimega-dot, .minimega-text { fill: #58a6ff }
.aria2 { stroke: #f0883e } .aria2-dot, .aria2-text { fill: #f0883e }
.rsync { stroke: #bc8cff } .rsync-dot, .rsync-text { fill: #bc8cff }
.bound { stroke: #8b949e } .bound-text { fill: #8b949e }
}
</style>
`

// svg draws the chart. Both axes are logarithmic: a line that doubles with the
// hosts is straight.
func (c *chart) svg() string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="%s">`+"\n%s",
		wide, high, html.EscapeString("seconds by hosts: "+c.title), style)
	fmt.Fprintf(&b, `<text class="title" x="%d" y="24">%s</text>`+"\n", left, html.EscapeString(c.title))
	fmt.Fprintf(&b, `<text x="%d" y="44">seconds until the last host has the file, both scales logarithmic</text>`+"\n", left)
	c.axes(&b)
	fmt.Fprintf(&b, `<path class="line bound" d="M%d %.1fH%d"/>`+"\n", left, c.y(c.bound), right)
	for _, l := range c.lines {
		c.line(&b, l)
	}
	c.labels(&b)
	b.WriteString("</svg>\n")
	return b.String()
}

// axes draws the grid and what it stands for.
func (c *chart) axes(b *strings.Builder) {
	for _, n := range c.hosts {
		fmt.Fprintf(b, `<path class="grid" d="M%.1f %dV%d"/><text x="%.1f" y="%d" text-anchor="middle">%d</text>`+"\n",
			c.x(n), top, bottom, c.x(n), bottom+20, n)
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle">hosts that fetch</text>`+"\n", (left+right)/2, bottom+42)
	for _, v := range c.ticks() {
		fmt.Fprintf(b, `<path class="grid" d="M%d %.1fH%d"/><text x="%d" y="%.1f" text-anchor="end">%g</text>`+"\n",
			left, c.y(v), right, left-8, c.y(v)+4, v)
	}
}

// ticks returns the powers of ten times 1, 2 or 5 that lie on the axis.
func (c *chart) ticks() []float64 {
	var all []float64
	low, high := c.span()
	for power := 1e-3; power < 1e6; power *= 10 {
		for _, v := range []float64{1, 2, 5} {
			if v := math.Round(v*power*1e3) / 1e3; v >= low && v <= high {
				all = append(all, v)
			}
		}
	}
	return all
}

// line draws a tool's points.
func (c *chart) line(b *strings.Builder, l series) {
	var path strings.Builder
	var dots strings.Builder
	for _, n := range c.hosts {
		seconds, ok := l.seconds[n]
		if !ok {
			continue
		}
		command := "L"
		if path.Len() == 0 {
			command = "M"
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", command, c.x(n), c.y(seconds))
		fmt.Fprintf(&dots, `<circle class="%s-dot" cx="%.1f" cy="%.1f" r="4"><title>%s, %s: %.1f s</title></circle>`+"\n",
			l.tool, c.x(n), c.y(seconds), l.tool, plural(n, "host"), seconds)
	}
	fmt.Fprintf(b, `<path class="line %s" d="%s"/>`+"\n%s", l.tool, path.String(), dots.String())
}

// labels names the lines at their right ends, one above another where they
// would meet.
func (c *chart) labels(b *strings.Builder) {
	type label struct {
		tool string
		text string
		y    float64
	}
	all := []label{{"bound", fmt.Sprintf("bound, %.1f s", c.bound), c.y(c.bound)}}
	for _, l := range c.lines {
		if seconds, ok := l.seconds[c.hosts[len(c.hosts)-1]]; ok {
			all = append(all, label{l.tool, fmt.Sprintf("%s, %.1f s", l.tool, seconds), c.y(seconds)})
		}
	}
	slices.SortStableFunc(all, func(a, b label) int { return cmp.Compare(b.y, a.y) }) // lowest on the page first
	for i := range all {
		if i > 0 {
			all[i].y = min(all[i].y, all[i-1].y-labelGap)
		}
		fmt.Fprintf(b, `<text class="%s-text" x="%d" y="%.1f">%s</text>`+"\n", all[i].tool, right+14, all[i].y+4, html.EscapeString(all[i].text))
	}
}

// x returns where a number of hosts is.
func (c *chart) x(hosts int) float64 {
	first, last := math.Log2(float64(c.hosts[0])), math.Log2(float64(c.hosts[len(c.hosts)-1]))
	if first == last {
		return (left + right) / 2
	}
	return left + 16 + (right-left-32)*(math.Log2(float64(hosts))-first)/(last-first)
}

// y returns where a time is.
func (c *chart) y(seconds float64) float64 {
	low, high := c.span()
	return bottom - (bottom-top)*math.Log(seconds/low)/math.Log(high/low)
}

// span returns the seconds at the ends of the axis.
func (c *chart) span() (low, high float64) {
	low, high = c.bound, c.bound
	for _, l := range c.lines {
		for _, seconds := range l.seconds {
			low, high = min(low, seconds), max(high, seconds)
		}
	}
	return low / 1.5, high * 1.5
}

// plural returns a number with its noun.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
