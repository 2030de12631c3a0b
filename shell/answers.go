package shell

// answers sends what a command answers to the client at the socket. A reply says
// whether another follows, so each waits until that is known: until the next one
// is there, the command has ended, or it says that another is sure to come.
type answers struct {
	talk   *talk
	asked  asked
	held   *Result // not sent yet; nil: there is none
	failed error   // the client takes no more
}

// take keeps r and sends what was kept before.
func (s *answers) take(r Result) {
	s.pass()
	s.held = &r
}

// pass sends what is kept, as one that another follows.
func (s *answers) pass() {
	if s.held == nil || s.failed != nil {
		return
	}
	s.failed = s.talk.send(reply{Resp: s.held.Responses, Rendered: s.held.Rendered, More: true})
	s.held = nil
	if s.failed != nil {
		s.asked.cancel()
	}
}

// last sends what is kept as the last reply, and reports whether the
// conversation goes on.
func (s *answers) last() bool {
	if s.talk.client.Quit() || s.failed != nil {
		return false
	}
	var final reply
	if s.held != nil {
		final.Resp, final.Rendered = s.held.Responses, s.held.Rendered
	}
	if s.asked.Status {
		set := s.talk.client.set
		final.Forget, final.Namespace, final.Unrecorded = s.talk.forget, set.Namespace, !set.Record
	}
	return s.talk.send(final) == nil
}
