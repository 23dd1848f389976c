install_go() { :; }
install_node() { :; }
