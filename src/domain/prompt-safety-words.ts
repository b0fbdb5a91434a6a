/**
 * Words of prompt safety (SPEC G6): data only, in English and Chinese.
 *
 * They are alternatives of a pattern, many to a line, over folded text (small letters, no accents, one blank for blanks
 * and hyphens, simplified characters). They use `|`, `?`, groups, classes and looks behind, never `*`, `+` or `{}`: a
 * search is linear. English words match whole words only, Chinese ones anywhere; `MEAN_SOMETHING_ELSE` lists where that
 * would be wrong.
 */

export const LANGUAGES = ['en', 'zh'] as const;
export type Language = (typeof LANGUAGES)[number];
export type PerLanguage<T> = Record<Language, T>;

// --- who and what ----------------------------------------------------------------------------------------------------

/** Words that turn an adjective of taste or light into one about somebody. */
export const PEOPLE: PerLanguage<string[]> = {
  en: [
    'wom[ae]n|girls?|lad(?:y|ies)|m[ae]n|guys?|females?|males?|she|her|person|people|couples?|bod(?:y|ies)',
    'models?|actress(?:es)?|actors?|dancers?|singers?|waitress(?:es)?|nurses?|maids?|secretar(?:y|ies)|babes?',
  ],
  zh: [
    '女人|女性|女子|女郎|女孩|美女|美人|少妇|熟女|御姐|姑娘|女模|模特|女仆|秘书|护士|女星|女明星|人妻|她',
    '男人|男性|男子|男模|帅哥|猛男|情侣|夫妇|舞者|舞女|身材',
  ],
};

/** Sexual by themselves, whoever is shown. */
export const SEXUAL: PerLanguage<string[]> = {
  en: [
    'sex(?:y|ily|ier|iest)|erotic(?:a|ally|ism)?|porn(?:o|ography|ographic)?|nsfw|lewd(?:ly)?|hentai|ecchi',
    'sexuali[sz](?:ed|ing)|sexually (?:suggestive|explicit|charged)|sexual (?:poses?|acts?|positions?)',
    'having sex|making love|sex (?:scenes?|dolls?|tapes?)|striptease|strippers?|onlyfans|bdsm|upskirt',
    'adult (?:films?|movies?|videos?|content|entertainment)',
  ],
  zh: [
    '性感|色情|情色|淫荡|淫秽|撩人|挑逗|性暗示|性爱|做爱|情欲|制服诱惑|巨乳|乳沟|酥胸|丁字裤|成人(?:片|视频|漫画)',
  ],
};

/** Anybody under 18. "Girl" and 女孩 alone are said of adults as often, and are not here. */
export const MINORS: PerLanguage<string[]> = {
  en: [
    'child|children|kids?|toddlers?|infants?|bab(?:y|ies)|newborns?|preschoolers?|pre ?teens?|tweens?|teens?',
    'teenage|teenaged|teenagers?|adolescents?|juveniles?|under ?age|(?:pre ?)?pubescent|lolis?|lolicon|shotas?',
    'minors|(?:of|with) a minor|minor (?:girl|boy|child)|(?:little|young|small) (?:girl|boy)s?',
    'school ?(?:girl|boy|child|children|kid)s?|(?:primary|elementary|middle|high) school (?:girl|boy|student|pupil)s?',
    '(?:[1-9]|1[0-7]) ?(?:years?|yrs?) ?olds?|(?:[1-9]|1[0-7]) ?y ?o|aged? (?:[1-9]|1[0-7])',
    '(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve) years? olds?',
    '(?:thirteen|fourteen|fifteen|sixteen|seventeen) years? olds?',
  ],
  zh: [
    '未成年|儿童|幼女|幼童|幼儿|女童|男童|小女孩|小男孩|小孩|孩子|孩童|婴儿|宝宝|少女|少年|萝莉|正太',
    '小学生|初中生|高中生|中学生|学生妹|校服|jk制服',
    '(?<![0-9])(?:[1-9]|1[0-7]) ?岁|(?<![一二三四五六七八九十百])(?:十[一二三四五六七]?|[一两二三四五六七八九])岁',
  ],
};

/** Subjects in which nakedness is the matter itself. */
export const ART_AND_MEDICINE: PerLanguage<string[]> = {
  en: [
    'art history|museum|renaissance|baroque|antiquity|statue|sculpture|marble|fresco|archaeology|textbook',
    'figure drawing|life drawing|anatomy|anatomical|medical|dermatology|hospital|surgery',
  ],
  zh: [
    '美术史|艺术史|美术学院|博物馆|文艺复兴|雕塑|雕像|大理石|壁画|画展|展览|考古|素描|教材',
    '解剖|医学|皮肤科|医院|手术',
  ],
};

/** Subjects in which talking animals are what they look like. */
export const FOR_CHILDREN: PerLanguage<string[]> = {
  en: ['children|kids|nursery|preschool|kindergarten|picture book|storybook|fairy tale|bedtime story|mascot'],
  zh: ['绘本|儿童|童书|童话|幼儿|小朋友|睡前故事|动画片|吉祥物|科普|教材'],
};

// --- where the words are not meant -----------------------------------------------------------------------------------

/** Phrases whose words mean something else than the table takes them for. */
export const MEAN_SOMETHING_ELSE: PerLanguage<readonly string[]> = {
  en: [
    'naked (?:eyes?|flames?|truth|cakes?|oats|barley|mole)|nude (?:mice|mouse|colou?rs?|colou?red|tones?|shades?)',
    'nude (?:lipsticks?|make ?up|nails?|heels|pumps|palette)|cleavage (?:planes?|furrows?|sites?)',
    '(?:paint|wire|cable|varnish) strippers?|(?:sensual|seductive) (?:aromas?|scents?|flavou?rs?|tastes?)',
    "baby (?:blue|pink|grand|dolls?)|baby's breath|kid (?:leather|gloves?|skin)|inner child|adult content creators?",
  ],
  zh: [
    // 性 ends one word, 感 begins the next.
    '性感(?:冒|染|知|受|觉|悟|应|言|召|度|兴趣|性)|[弹理韧黏知个]性感|人性感动|性感光(?:材料|元件|乳剂|纸|胶)',
    '[男女人异同两]性感(?:到|兴|叹|激|恩|谢|情|想|怀|慨)',
    '裸露的?(?:皮肤|岩石|电线|地面|土壤|管道|牙根|伤口)|赤裸裸|赤裸的?双?[脚足]|裸身高|露点(?:温度|仪)',
    '黑丝[绒绸带线]|成瘾性感官|挑逗[猫狗]|领风骚|羽翼丰满|熊猫娘|猫娘[俩仨子]',
  ],
};

/** A word right behind one of these is not wanted. `filler`, up to three times, may stand between. */
export const NEGATIONS: PerLanguage<{ negators: string; filler: string; joins: string }> = {
  en: {
    negators:
      "no|not|non|isn't|aren't|without|never|nothing|free of|avoid(?:s|ing)?|against|prevent(?:s|ing|ion of)?|" +
      'combat(?:s|ing)?|fight(?:s|ing)?|stop(?:s|ping)?|block(?:s|ing)?|ban(?:s|ning)?|reject(?:s|ing)?|' +
      '(?:away|safe|kids|children|teens|minors) from',
    filler: 'any|all|kinds?|of|a|the|for|suitable|explicit|overt|overly|visible|sexual|adult|child|teen',
    // What stands between the items of a list, all of which the negation means.
    joins: ',|/|&|and|or|nor|any|explicit|sexual|suggestive|adult|content|imagery|themes',
  },
  zh: {
    negators:
      '不要|不得|不能|不可|不含|不带|不是|不|非|无|勿|没有|禁止|避免|拒绝|远离|抵制|防止|预防|打击|杜绝|反对|清除|' +
      '举报|屏蔽|过滤|去除|抵御|免受',
    filler: '任何|一切|所有|过于|过度|太|网络|低俗|暴力|的|和|与|或|、|儿童|未成年人|未成年|青少年|出现',
    joins: ',|、|/|和|与|及|或|以及|低俗|暴力|的|内容',
  },
};

/** Traditional characters of the words above, each with its simplified form at the same place of the second text. */
export const TRADITIONAL_CHARACTERS = [
  '體內誘歲學兒獸動脫沒豐滿勢寫師藝術館畫繪書話擬貓婦產嬰寶蘿絲褲溝濕裝艷艶風騷嬈護國遠離絕預擊無處條長腳',
  '体内诱岁学儿兽动脱没丰满势写师艺术馆画绘书话拟猫妇产婴宝萝丝裤沟湿装艳艳风骚娆护国远离绝预击无处条长脚',
] as const;
