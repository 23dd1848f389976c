// Package admin keeps what administrators set: trunks, outbound routes, numbers,
// flows, prompts, codecs, the relay for browsers, and rules of alerts. It owns
// their rows with every version, the secrets in them, and the alerts that come of
// the rules. It does not know what a trunk or a flow does: whoever runs them
// judges (Runtime.Check) and takes over (Runtime.Use).
//
//	page, API, "pbx apply" -> Change -> checks by field -> Runtime.Check (all together)
//	                             '-> one transaction: version, audit row, revision
//	                                    '-> Runtime.Use, here at once, on other servers within 2 s
//
// What a configuration file says stays as it is: it is shown beside (Runtime.File)
// and may not be given a second time under the same name.
package admin
