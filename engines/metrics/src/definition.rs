//! The indicators (指标) and their definitions (口径). A changed definition gets a higher version.

/// What the value is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Numerator ÷ denominator, 0–1.
    Rate,
    /// The numerator of its points ÷ the numerator of these others, 0–1: complaints among all cases.
    Share(&'static str),
    /// Numerator (seconds) ÷ denominator (how many): an average length.
    Mean,
    /// The numerator alone.
    Count,
    /// The quantile (in percent) of a duration in working seconds.
    Quantile(u8),
    /// What is left of all that came in by the end of the range.
    Stock,
}

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    UpGood,
    DownGood,
    /// Says nothing by itself.
    Neutral,
}

/// One indicator.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    pub key: &'static str,
    /// The points it is made of; several indicators may share them.
    pub points: &'static str,
    pub shape: Shape,
    pub direction: Direction,
    pub version: u32,
    pub zh: &'static str,
    pub en: &'static str,
    /// How it is counted, for the tooltip.
    pub about_zh: &'static str,
    pub about_en: &'static str,
    /// Target of a new workspace, in the value's own unit.
    pub target: Option<f64>,
}

/// The indicator `key`.
pub fn definition(key: &str) -> Option<&'static Definition> {
    DEFINITIONS.iter().find(|d| d.key == key)
}

const fn make(key: &'static str, points: &'static str, shape: Shape, direction: Direction, names: [&'static str; 2], about: [&'static str; 2], target: Option<f64>) -> Definition {
    Definition { key, points, shape, direction, version: 1, zh: names[0], en: names[1], about_zh: about[0], about_en: about[1], target }
}

/// Every indicator of the board, in its order. Targets follow the figures customers of this product name most often:
/// reply within the service level 95 %, satisfaction 90 %, solved at first contact 75 %.
pub const DEFINITIONS: &[Definition] = &[
    make("first_response_median", "first_response", Shape::Quantile(50), Direction::DownGood, ["首次响应（中位数）", "First response (median)"],
        ["从受理到第一次人工回复的工作时长，按回复当日计", "Working time from acceptance to the first answer by a person, on the day of the answer"], Some(3600.0)),
    make("first_response_p90", "first_response", Shape::Quantile(90), Direction::DownGood, ["首次响应（P90）", "First response (p90)"],
        ["九成工单的首次响应不长于此", "Nine in ten cases are answered within this working time"], Some(4.0 * 3600.0)),
    make("resolution_median", "resolution", Shape::Quantile(50), Direction::DownGood, ["处理时长（中位数）", "Resolution (median)"],
        ["从受理到解决的工作时长，等待客户的时间不计，按解决当日计", "Working time from acceptance to the solution, without waiting for the customer, on the day of the solution"], Some(16.0 * 3600.0)),
    make("backlog", "backlog", Shape::Stock, Direction::DownGood, ["积压", "Backlog"], ["期末仍未办结的工单数", "Cases not closed at the end of the range"], None),
    make("sla_first_response", "sla_first_response", Shape::Rate, Direction::UpGood, ["首响达标率", "First response in time"],
        ["在时限内首次响应的工单 ÷ 已首次响应的工单", "Cases first answered within the target ÷ cases first answered"], Some(0.95)),
    make("sla_resolution", "sla_resolution", Shape::Rate, Direction::UpGood, ["解决达标率", "Resolution in time"], ["在时限内解决的工单 ÷ 已解决的工单", "Cases solved within the target ÷ cases solved"], Some(0.9)),
    make("csat", "csat", Shape::Rate, Direction::UpGood, ["满意度", "Satisfaction (CSAT)"], ["评分 4 或 5 的回答 ÷ 全部回答，按回答当日计", "Answers of 4 or 5 ÷ all answers, on the day of the answer"], Some(0.9)),
    make("csat_response_rate", "csat_response_rate", Shape::Rate, Direction::UpGood, ["参评率", "Response rate"], ["已回答的评价邀请 ÷ 发出的评价邀请，按发出当日计", "Requests answered ÷ requests sent, on the day they were sent"], Some(0.3)),
    make("fcr", "fcr", Shape::Rate, Direction::UpGood, ["一次解决率", "First-contact resolution (FCR)"],
        ["只回复客户一次即办结、且未重开的工单 ÷ 办结的工单（重复、垃圾除外）", "Cases closed with one answer to the customer and not reopened ÷ cases closed (without duplicates and spam)"], Some(0.75)),
    make("department_wait_mean", "department_wait", Shape::Mean, Direction::DownGood, ["部门等待（平均）", "Department wait (mean)"],
        ["子工单从派出到办结的自然时间之和 ÷ 办结的子工单数，计在承办班组和部门，按办结当日计", "Time as it passes from giving a work order to another department until it is done ÷ work orders done, counted for who did it, on the day it was done"], Some(2.0 * 86_400.0)),
    make("department_wait_p90", "department_wait", Shape::Quantile(90), Direction::DownGood, ["部门等待（P90）", "Department wait (p90)"],
        ["九成的子工单在这段自然时间内办结", "Nine in ten work orders are done within this time as it passes"], Some(5.0 * 86_400.0)),
    make("complaint_rate", "complaint", Shape::Share("opened"), Direction::DownGood, ["投诉率", "Complaint rate"],
        ["投诉类工单 ÷ 受理的全部工单，按受理当日计", "Cases of the type complaint ÷ all cases opened, on the day they were opened"], None),
    make("repeat_complaint_rate", "repeat_complaint", Shape::Share("complaint"), Direction::DownGood, ["重复投诉率", "Repeat complaints"],
        ["被认定为重复的投诉 ÷ 全部投诉，按受理当日计", "Complaints found to repeat an earlier one ÷ all complaints, on the day they were opened"], Some(0.05)),
    make("review_time_median", "review_time", Shape::Quantile(50), Direction::DownGood, ["审核用时（中位数）", "Review time (median)"],
        ["从提交审核到通过或退回的自然时间，按结束当日计", "Time as it passes from asking for a review until it is approved or returned, on the day it ended"], Some(86_400.0)),
    make("opened", "opened", Shape::Count, Direction::Neutral, ["受理量", "Opened"], ["期间受理的工单数", "Cases accepted in the range"], None),
    make("closed", "closed", Shape::Count, Direction::Neutral, ["办结量", "Closed"], ["期间办结且未重开的工单数", "Cases closed in the range and not reopened since"], None),
    make("reopened_rate", "reopened", Shape::Rate, Direction::DownGood, ["重开率", "Reopened"], ["办结后又重开的工单 ÷ 办结过的工单，按首次办结当日计", "Cases reopened after closing ÷ cases ever closed, on the day first closed"], Some(0.05)),
];
