package main

import (
	"fmt"
	"math"
	"slices"
)

// A sample is what a figure was in each repetition, smallest first; it has at
// least one.
type sample []float64

// sampleOf takes a figure from each of runs.
func sampleOf[T any](runs []T, figure func(T) float64) sample {
	s := make(sample, 0, len(runs))
	for _, r := range runs {
		s = append(s, figure(r))
	}
	slices.Sort(s)
	return s
}

// median returns the middle one, between two their mean.
func (s sample) median() float64 { return (s[(len(s)-1)/2] + s[len(s)/2]) / 2 }

// most returns the largest.
func (s sample) most() float64 { return s[len(s)-1] }

// text returns the median in a format and, of several, the smallest and the
// largest.
func (s sample) text(format string) string {
	text := fmt.Sprintf(format, s.median())
	if len(s) > 1 {
		text += fmt.Sprintf(" ["+format+" to "+format+"]", s[0], s.most())
	}
	return text
}

// over divides each by d.
func (s sample) over(d float64) sample {
	return sampleOf(s, func(v float64) float64 { return v / d })
}

// quantile returns the value that a share q of them does not exceed.
func (s sample) quantile(q float64) float64 {
	return s[max(0, int(math.Ceil(q*float64(len(s))))-1)]
}
