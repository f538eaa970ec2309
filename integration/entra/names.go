package entra

import "strings"

// spoken is a name with the ASCII form for a mail address.
type spoken struct{ native, ascii string }

// culture is one pool of names. familyFirst joins them the way East Asian and Hungarian names are written.
type culture struct {
	language, separator string
	familyFirst         bool
	given, family       []spoken
}

func (c culture) display(given, family string) string {
	if c.familyFirst {
		return family + c.separator + given
	}
	return given + c.separator + family
}

// spell parses "native/ascii" pairs separated by blanks; ASCII names need no pair, "_" is a blank inside a name.
func spell(text string) []spoken {
	var out []spoken
	for word := range strings.FieldsSeq(text) {
		native, ascii, paired := strings.Cut(word, "/")
		if !paired {
			ascii = native
		}
		out = append(out, spoken{strings.ReplaceAll(native, "_", " "), strings.ReplaceAll(ascii, "_", "")})
	}
	return out
}

// cultures are weighted by their order: see newPerson. "Zoë" and "Ångström" are decomposed (letters with combining
// marks) on purpose: a server must return values in the form in which they were sent.
var cultures = []culture{
	{"en-US", " ", false,
		spell("Alice Brandon Carla Derek Emily Frank Grace Harold Ivy Jamal Kim Liam Mara Noah Olivia Priya Quentin Rosa Sam Tara " +
			"Victor Wendy Zoe\u0308/Zoe Mary-Jane Anne_Marie"),
		spell("Akers Baker O'Brien D'Angelo Vance Smith Johnson Van_der_Berg Mc_Donald St._John/St.John Smith-Jones Lee Nguyen " +
			"Patel Washington Clark A\u030angstro\u0308m/Angstrom X")},
	{"de-DE", " ", false,
		spell("Jörg/Joerg Käthe/Kaethe Günther/Guenther Lena Max Sören/Soeren Heike Änne/Aenne"),
		spell("Müller/Mueller Schäfer/Schaefer Groß/Gross von_der_Heide Weiß/Weiss Köhler/Koehler Özdemir/Oezdemir")},
	{"fr-FR", " ", false,
		spell("Élodie/Elodie François/Francois Jean-Noël/Jean-Noel Chloé/Chloe Benoît/Benoit Maëlle/Maelle"),
		spell("Lefèvre/Lefevre D'Artagnan Dupré/Dupre L'Écuyer/L'Ecuyer Garçon/Garcon de_La_Tour")},
	{"es-MX", " ", false,
		spell("José/Jose María/Maria Iñaki/Inaki Lucía/Lucia Jesús/Jesus Begoña/Begona"),
		spell("García/Garcia Núñez/Nunez Peña_y_Lillo/Penaylillo Muñoz/Munoz Ibáñez/Ibanez")},
	{"pl-PL", " ", false, spell("Łukasz/Lukasz Małgorzata/Malgorzata Żaneta/Zaneta Paweł/Pawel"),
		spell("Wiśniewski/Wisniewski Żółć/Zolc Dąbrowska/Dabrowska Świątek/Swiatek")},
	{"tr-TR", " ", false, spell("İpek/Ipek Işıl/Isil Çağrı/Cagri Şule/Sule"), spell("Yılmaz/Yilmaz İnönü/Inonu Şahin/Sahin Güneş/Gunes")},
	{"vi-VN", " ", true, spell("Hồng_Ánh/honganh Đức/duc Thị_Mai/thimai"), spell("Nguyễn/nguyen Trần/tran Đặng/dang")},
	{"ru-RU", " ", false, spell("Иван/ivan Ольга/olga Юрий/yuri Анастасия/anastasia"),
		spell("Петров/petrov Щербакова/shcherbakova Соловьёв/solovyov")},
	{"el-GR", " ", false, spell("Γιώργος/giorgos Ελένη/eleni Οδυσσέας/odysseas"), spell("Παπαδόπουλος/papadopoulos Αγγελής/angelis")},
	{"ja-JP", " ", true, spell("太郎/taro 花子/hanako 健一/kenichi さくら/sakura"), spell("佐藤/sato 鈴木/suzuki 𠮷田/yoshida 渡邊/watanabe")},
	{"zh-CN", "", true, spell("伟/wei 秀英/xiuying 娜/na 子轩/zixuan"), spell("王/wang 李/li 欧阳/ouyang 张/zhang")},
	{"ko-KR", "", true, spell("민준/minjun 서연/seoyeon 지훈/jihun"), spell("김/kim 이/yi 박/park 최/choi")},
	{"ar-EG", " ", false, spell("محمد/mohamed فاطمة/fatima يوسف/youssef"), spell("عبد_الله/abdallah حسن/hassan المصري/elmasry")},
	{"he-IL", " ", false, spell("נועה/noa דוד/david תמר/tamar"), spell("כהן/cohen לוי/levi פרץ/peretz")},
	{"hi-IN", " ", false, spell("आरव/aarav प्रिया/priya अनन्या/ananya"), spell("शर्मा/sharma सिंह/singh गुप्ता/gupta")},
	{"th-TH", " ", false, spell("สมชาย/somchai กนกวรรณ/kanokwan"), spell("ศรีสุข/srisuk วงศ์ไทย/wongthai")},
}

// place is an office with its formats of addresses and phone numbers; the numbers are reserved for fiction.
type place struct {
	city, state, postal, country, street, office, phone string
}

var places = []place{
	{"Bellevue", "WA", "98004", "US", "%d 108th Ave. NE", "Building %d/2210", "+1 (425) 555-%04d"},
	{"New York", "NY", "10001", "United States", "%d W 34th St \"Penthouse\"", "NYC-%d", "212555%04d"},
	{"Arlington", "VA", "22202", "USA", "%d Army Navy Dr #4", "HQ-%d", "703.555.%04d"},
	{"München", "Bayern", "80331", "Germany", "Sonnenstraße %d", "Gebäude %d", "+49 89 5550 %04d"},
	{"London", "", "SW1A 1AA", "GB", "%d King's Road", "St James's, floor %d", "+44 20 7946 %04d"},
	{"Montréal", "Québec", "H2Y 1C6", "Canada", "%d, rue Saint-Paul O.", "Édifice %d", "+1 514 555 %04d"},
	{"São Paulo", "SP", "01310-100", "Brasil", "Av. Paulista, %d – 5º andar", "Torre %d", "+55 11 5555-%04d"},
	{"東京", "東京都", "100-0001", "JP", "千代田区千代田%d-1", "丸の内 %d", "+81 3-5555-%04d"},
	{"Kraków", "małopolskie", "31-001", "Poland", "ul. Floriańska %d/3", "Budynek %d", "+48 12 555 %04d"},
	{"القاهرة", "", "11511", "Egypt", "شارع التحرير %d", "مبنى %d", "+20 2 5555 %04d"},
}

var (
	departments = []string{"Finance", "Retail", "Sales & Marketing", "Engineering", "R&D", "Legal", "Human Resources", "Customer Success",
		"IT/Operations", "Security", "Forschung & Entwicklung", "法務部", "Public Sector (Gov)"}
	jobTitles = []string{"Analyst", "Senior Analyst", "Manager", "Engineer II", "Principal Engineer", "Account Executive", "Counsel",
		"Director, EMEA", "VP of \"Special\" Projects", "Intern", "Техник", "Sachbearbeiter/in", "Chef d'équipe"}

	// Group names contain characters that Entra's documentation warns of or that break a naive filter or JSON writer.
	groupKinds = []string{"All %s", "%s Team", "%s – Managers", "#%s!", "%s & Friends", "\"%s\" (quoted)", "%s's people", "back\\slash %s",
		"~%s^", "%s.ops", "🌍 %s", "Rôles: %s", "%s / watch", "100%% %s", "<%s>", "%s or true", "[%s] eq {x}"}
)
