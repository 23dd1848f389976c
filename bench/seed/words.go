package seed

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

var (
	surnames = []rune("王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧")
	given    = []string{"伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "洋", "艳", "勇", "军", "杰", "娟", "涛", "明", "超", "秀英", "霞", "平", "桂英", "文", "子轩", "梓涵", "一诺", "浩宇"}
	english  = []string{"Olivia Brown", "Noah Smith", "Emma Jones", "Liam Taylor", "Ava Wilson", "Lucas Evans", "Mia Thomas", "Ethan Roberts", "Chloe Walker", "Jack Hughes"}
	goods    = []string{"蓝牙耳机", "空气净化器", "扫地机器人", "电热水壶", "运动手表", "儿童书包", "咖啡机", "机械键盘", "保温杯", "羽绒服"}
	goodsEN  = []string{"headphones", "air purifier", "vacuum robot", "kettle", "watch", "backpack", "coffee machine", "keyboard", "bottle", "jacket"}
)

func person(r *rand.Rand, zh bool) string {
	if zh {
		return string(surnames[r.IntN(len(surnames))]) + given[r.IntN(len(given))]
	}
	return english[r.IntN(len(english))]
}

func agentName(i int) string { return string(surnames[i%len(surnames)]) + given[(i*7+i/30)%len(given)] }

// Lines of a customer, of the bot and of an agent; %o is an order, %g a thing, %n a number.
var (
	asksZH = []string{"你好，我的订单%o什么时候发货？", "我买的%g坏了，可以退货吗", "退款已经%n天了还没有到账", "请问%g有没有现货", "发票可以开公司抬头吗", "快递显示已签收，但是我没有收到%g", "地址填错了，订单%o能改吗",
		"你们的%g保修多久", "优惠券用不了，提示已过期", "%g怎么连接手机", "我要投诉，等了%n天没有人回复", "会员积分怎么兑换", "订单%o少发了一件", "可以分期付款吗", "谢谢，问题解决了"}
	asksEN = []string{"Hello, when will order %o ship?", "The %g arrived broken, can I return it?", "My refund has been pending for %n days", "Is the %g in stock?", "Could you change the address of order %o?",
		"The courier says delivered but I never got the %g", "How long is the warranty of the %g", "My coupon does not work", "How do I pair the %g with my phone", "One item is missing from order %o", "Thank you, that solved it"}
	tellsZH = []string{"您好，我帮您查一下订单%o", "已经为您登记，%n小时内会有结果", "%g支持七天无理由退货，请在订单页申请", "退款会在%n个工作日内原路返回", "抱歉给您带来不便，我马上联系仓库", "已经为您修改地址", "这款%g预计%n天后到货",
		"请问还有什么可以帮您", "麻烦您提供一下订单号", "好的，祝您生活愉快"}
	tellsEN = []string{"Let me look up order %o for you", "I have registered it, you will hear from us within %n hours", "You can return the %g within seven days on the order page", "The refund arrives within %n working days",
		"Sorry for the trouble, I am contacting the warehouse now", "The address has been changed", "The %g will be back in %n days", "Is there anything else I can help with?", "Could you give me the order number?", "Have a nice day"}
)

func line(r *rand.Rand, zh, customer bool) string {
	list := tellsEN
	switch {
	case zh && customer:
		list = asksZH
	case zh:
		list = tellsZH
	case customer:
		list = asksEN
	}
	things := goodsEN
	if zh {
		things = goods
	}
	text := list[r.IntN(len(list))]
	return strings.NewReplacer("%o", fmt.Sprintf("TX%08d", r.IntN(50_000_000)), "%g", things[r.IntN(len(things))], "%n", fmt.Sprint(2+r.IntN(28))).Replace(text)
}
