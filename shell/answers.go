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
	switch {
	case s.talk.client.Quit(), s.failed != nil:
		return false
	case s.held == nil:
		return s.talk.send(reply{}) == nil
	}
	final := reply{Resp: s.held.Responses, Rendered: s.held.Rendered}
	if s.asked.Status {
		final.Forget, final.Namespace = s.talk.forget, s.talk.client.set.Namespace
	}
	return s.talk.send(final) == nil
}
