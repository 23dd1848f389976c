package ivr

import (
	"fmt"
	"strings"
)

// Direct is a flow that lets callers wait in a queue at once, for numbers that lead
// there without a flow of their own. Its name has a slash, as no document's has.
func Direct(queue, language string, record bool) (*Flow, error) {
	chinese := strings.HasPrefix(language, "zh")
	say := func(zh, en string) string {
		if chinese {
			return zh
		}
		return en
	}
	tape := ""
	if record {
		tape = fmt.Sprintf("  - {id: announce, record: {announce: %q, consent: announced}}\n", say("本次通话将被录音。", "This call will be recorded."))
	}
	doc := fmt.Sprintf("flow: direct\nversion: 1\nlanguage: %s\nnodes:\n%s"+
		"  - {id: wait, queue: {name: %s, announce: 45s, closed: closed, no_agents: closed, max_wait: 30m, timeout: closed}}\n"+
		"  - {id: closed, say: %q}\n  - {id: end, hangup: true}\n",
		language, tape, queue, say("很抱歉,现在没有人能接听您的电话,请稍后再打。再见。", "We are sorry, nobody can take your call now. Please call again later. Goodbye."))
	f, err := Parse("direct", []byte(doc))
	if err != nil {
		return nil, fmt.Errorf("flow to queue %s: %w", queue, err)
	}
	f.Name = DirectName(queue, language, record)
	return f, nil
}

// DirectName is the name of such a flow.
func DirectName(queue, language string, record bool) string {
	name := "queue/" + queue + "/" + language
	if record {
		name += "/recorded"
	}
	return name
}
