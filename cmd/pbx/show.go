package main

import (
	"bytes"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// hidden stands in place of a secret.
const hidden = "(hidden)"

// secretKey are settings that nobody should read over a shoulder.
var secretKey = regexp.MustCompile(`(?i)(password|secret|token|hash_key)$`)

// show is the configuration as YAML with its secrets hidden.
func show(cfg Config) (string, error) {
	var doc yaml.Node
	if err := doc.Encode(cfg); err != nil {
		return "", fmt.Errorf("show configuration: %w", err)
	}
	hide(&doc)
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(&doc); err != nil {
		return "", fmt.Errorf("show configuration: %w", err)
	}
	return out.String(), nil
}

func hide(n *yaml.Node) { hideIn("", n) }

// hideIn hides what is secret below n, which stands under the key section.
func hideIn(section string, n *yaml.Node) {
	for i, child := range n.Content {
		if n.Kind != yaml.MappingNode {
			hideIn(section, child)
			continue
		}
		if i%2 == 0 {
			continue
		}
		key := n.Content[i-1].Value
		if key == "headers" {
			hideAll(child) // what is sent to other servers mostly says who we are
			continue
		}
		if child.Kind == yaml.ScalarNode && child.Value != "" {
			switch {
			case secretKey.MatchString(key), section == "chat" && key == "key": // other keys are names of files
				child.SetString(hidden)
			case strings.HasSuffix(key, "url"), key == "redis":
				child.SetString(hideUserinfo(child.Value))
			}
		}
		hideIn(key, child)
	}
}

// hideAll hides every value below n.
func hideAll(n *yaml.Node) {
	for i, child := range n.Content {
		if child.Kind == yaml.ScalarNode && (n.Kind != yaml.MappingNode || i%2 == 1) {
			child.SetString(hidden)
		}
		hideAll(child)
	}
}

var (
	dsnPassword = regexp.MustCompile(`(?i)password\s*=\s*('[^']*'|\S+)`)
	urlPassword = regexp.MustCompile(`^(\w+://[^:/@]*):.*@`) // of a URL that cannot be read as one
)

// hideUserinfo takes the password out of a URL or DSN.
func hideUserinfo(s string) string {
	if u, err := url.Parse(s); err == nil && u.User != nil {
		if _, has := u.User.Password(); has {
			u.User = url.UserPassword(u.User.Username(), "hidden")
		}
		if q := u.Query(); q.Has("password") {
			q.Set("password", "hidden")
			u.RawQuery = q.Encode()
		}
		return u.String()
	}
	return dsnPassword.ReplaceAllString(urlPassword.ReplaceAllString(s, "$1:hidden@"), "password="+hidden)
}
