/**
 * The rule table of prompt safety (SPEC G6): data only, applied by `prompt-safety.ts`; its words are explained in
 * `prompt-safety-words.ts`. It is a seat belt for people who mean no harm and for agents that write prompts, not a wall:
 * whoever does not want the first four rules says `raw`.
 */
import {
  ART_AND_MEDICINE,
  FOR_CHILDREN,
  MINORS,
  PEOPLE,
  type PerLanguage,
  SEXUAL,
} from './prompt-safety-words.ts';

/** Holds when one of `words` occurs; with `near`, when one of those occurs at most `within` characters away from it. */
export interface Sign {
  words: readonly string[];
  near?: readonly string[];
  within?: number;
}

export interface SafetyRule<Id extends string = string> {
  /** Stable: proofs name it. */
  id: Id;
  recognises: string;
  why: string;
  signs: PerLanguage<readonly Sign[]>;
  /** Subjects in which these words are about something else: one of them anywhere, and the rule does not hold. */
  unless: PerLanguage<readonly string[]>;
}

export interface AppendingRule<Id extends string = string> extends SafetyRule<Id> {
  /** Appended to the prompt, in its language. */
  constraint: PerLanguage<string>;
}

/** No such subject. */
const NONE: PerLanguage<string[]> = { en: [], zh: [] };

/** Without `raw`, each rule that holds appends its constraint, in this order. */
export const SAFETY_RULES = [
  {
    id: 'sexualised-look',
    recognises: 'people shown as sexy, seductive or scantily dressed; erotic styles',
    why: 'the images of content teams are published; a provider may refuse such a request after minutes of waiting',
    signs: {
      en: [
        {
          words: [
            ...SEXUAL.en,
            'busty|hot (?:babes?|girls?)|(?:big|large|huge) breasts|bedroom eyes|come hither|dominatrix|playboy bunn(?:y|ies)',
            'see through (?:blouse|dress|top|shirt|gown|clothes|clothing|outfit)',
            '(?:skimpy|revealing) (?:outfits?|dress|bikini|clothes|clothing|costumes?|top)|scantily (?:clad|dressed)',
          ],
        },
        {
          words: ['seducti(?:ve|vely|on)|sensual(?:ly|ity)?|sultry|voluptuous|curvaceous|cleavage|thongs?'],
          near: PEOPLE.en,
          within: 40,
        },
        {
          words: ['provocative(?:ly)?|suggestive(?:ly)?'],
          near: ['poses?|posed|posing|outfits?|dress|clothing|looks?'],
          within: 2,
        },
      ],
      zh: [
        {
          words: [
            ...SEXUAL.zh,
            '爆乳|低胸(?:装|裙|上衣|晚?礼服|连衣裙)|湿身|透视装|尤物|惹火|[衣穿]着暴露|暴露的?(?:衣|服装|穿着|着装)|衣不蔽体|前凸后翘|勾引|身材火辣|火辣(?:的)?(?:身材|辣妹)|诱惑(?:姿势|写真)',
          ],
        },
        { words: ['火辣|诱惑|魅惑|妖娆|风骚|丰满|黑丝|翘臀'], near: PEOPLE.zh, within: 8 },
      ],
    },
    unless: NONE,
    constraint: {
      en: 'Keep the image non-explicit and safe for work: everyone shown is an adult, fully clothed, in a natural pose.',
      zh: '画面须非露骨、适合工作场合：人物均为成年人，衣着完整，姿态自然。',
    },
  },
  {
    id: 'glamour',
    recognises: 'glamour, boudoir, pin-up and lingerie photography of people',
    why: 'these genres undress people by habit, also when the words do not say so',
    signs: {
      en: [
        {
          words: [
            'lingerie|negligees?|lacy underwear|bikini (?:models?|babes?)|centerfolds?|pin ?up (?:girls?|models?|art|posters?|calendars?|style|poses?)',
            'boudoir (?:photos?|photography|shoots?|portraits?|sessions?)',
            'glamou?r (?:photos?|photography|shoots?|shots?|portraits?|poses?)',
          ],
        },
        { words: ['glamou?r(?:ous)?'], near: PEOPLE.en, within: 15 },
      ],
      zh: [
        {
          words: [
            '私房(?:照|写真|摄影)|情趣(?:内衣|制服|用品|服装)|内衣(?:写真|秀)|蕾丝内衣|大尺度(?:写真|照|人像|拍摄|摄影)',
            '香艳|艳照|床照|床上写真|挂历女郎|花花公子(?:封面|女郎)|比基尼(?:女郎|美女|写真)',
          ],
        },
      ],
    },
    unless: NONE,
    constraint: {
      en: 'Keep the glamour non-explicit and safe for work: elegant opaque outfits, everyone fully clothed.',
      zh: '风格优雅、非露骨、适合工作场合：人物衣着完整、不透视。',
    },
  },
  {
    id: 'nudity',
    recognises: 'naked people, outside of art history and medicine',
    why: 'published images must not show nudity; a museum guide and a dermatology atlas may',
    signs: {
      en: [
        { words: ['nudity|full frontal|skinny dipping'] },
        {
          words: [
            'nudes?|naked|topless|undressed|unclothed|bare breasted|wearing nothing|(?:without|no) (?:any )?clothes',
          ],
          near: PEOPLE.en,
          within: 20,
        },
      ],
      zh: [
        { words: ['裸体|全裸|半裸|裸女|裸男|裸身|裸照|赤身裸体|一丝不挂'] },
        {
          words: ['赤裸|裸露|脱光|露点|光着身子|没有?穿衣服|不穿衣服'],
          near: PEOPLE.zh,
          within: 8,
        },
      ],
    },
    unless: ART_AND_MEDICINE,
    constraint: {
      en: 'Show no nudity: everyone is fully clothed, the image non-explicit and safe for work.',
      zh: '不出现裸露：人物衣着完整，画面非露骨、适合工作场合。',
    },
  },
  {
    id: 'anthropomorphic-adult',
    recognises: 'anthropomorphic animals with an adult body, outside of what is made for children',
    why: 'such characters tend to come out sexualised; animals in picture books do not',
    signs: {
      en: [
        { words: ['(?:cat|fox|bunny) ?girls?|kemonomimi|nekomimi'] },
        {
          words: [
            'anthropomorphic|anthropomorphi[sz]ed|anthro|fursonas?|furry (?:art|characters?|fandom)|half human',
            'humanoid (?:animals?|cat|fox|wolf|tiger|lion|rabbit|deer|horse|dog|dragon)',
          ],
          near: [
            'adults?|wom[ae]n|lad(?:y|ies)|mature|muscular|curvy|curvaceous|voluptuous|busty|hourglass|sexy',
            'seductive|nude|naked|lingerie|bikini|pin ?up|abs',
          ],
          within: 60,
        },
      ],
      zh: [
        { words: ['[猫狐犬兔狼]娘|兔女郎|兽耳娘|兽娘'] },
        {
          words: ['拟人|兽人|福瑞|半人半[兽猫狐狼马鹿蛇]|人形[狐猫狼虎兔]'],
          near: [
            '成年|成人|女人|女性|女子|美女|女郎|女士|御姐|熟女|少妇|猛男|肌肉|腹肌|丰满|身材|性感|裸|内衣|比基尼',
          ],
          within: 20,
        },
      ],
    },
    unless: FOR_CHILDREN,
    constraint: {
      en: 'Anthropomorphic characters are fully clothed, non-explicit and safe for work, without sexual emphasis.',
      zh: '拟人角色衣着完整，非露骨、适合工作场合，不强调性特征。',
    },
  },
] as const satisfies readonly AppendingRule[];

export type SafetyRuleId = (typeof SAFETY_RULES)[number]['id'];

/**
 * The one rule that refuses, with and without `raw`. It reads no grammar: a sexual word close to a word for somebody under
 * 18 is enough, since a false alarm costs a new wording and the other mistake must not happen.
 */
export const REFUSAL: SafetyRule = {
  id: 'sexualised-minor',
  recognises: 'a sexual word, or nudity, close to a word for somebody under 18 or to an age below 18',
  why: 'such images are not made here, whoever asks',
  signs: {
    en: [
      {
        words: [
          ...SEXUAL.en,
          'sexual (?:content|images?|pictures?|photos?|scenes?|contexts?|situations?)|(?:in|wearing|her) lingerie',
          'topless|provocative (?:poses?|outfits?)|suggestive poses?',
        ],
        near: MINORS.en,
        within: 60,
      },
      {
        words: ['seducti(?:ve|vely)|sensual(?:ly)?|sultry|voluptuous|nudes?|naked|undressed'],
        near: MINORS.en,
        within: 15,
      },
    ],
    zh: [
      {
        words: [...SEXUAL.zh, '情趣内衣|大尺度|私房(?:照|写真)|艳照|裸照'],
        near: MINORS.zh,
        within: 20,
      },
      { words: ['裸体|全裸|半裸|裸身|赤身裸体|一丝不挂|脱光'], near: MINORS.zh, within: 6 },
    ],
  },
  unless: NONE,
};
